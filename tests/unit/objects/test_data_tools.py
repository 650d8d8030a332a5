"""Programs for data read and write buckets through fsspec; `make test-data` installs them."""

from __future__ import annotations

import fsspec
import pytest

from tests.unit.objects.conftest import s3_settings


@pytest.fixture(params=["file", "ceph"])
def assets(request, tmp_path, monkeypatch):
    """Options for a bucket, which its URLs call `assets`: none where the configuration is found."""
    pytest.importorskip("pandas", reason="`make test-data` installs it")
    if request.param == "file":
        (tmp_path / "bucket").mkdir()
        (tmp_path / ".buckia").write_text("assets: {provider: file, root: bucket}", "utf-8")
        monkeypatch.chdir(tmp_path)
        yield {}
    else:
        server = request.getfixturevalue("ceph")
        yield s3_settings(server, server.new_bucket("data"))
    for files in list(fsspec.get_filesystem_class("buckia")._cache.values()):
        files.close()
    fsspec.get_filesystem_class("buckia").clear_instance_cache()


def test_pandas_reads_and_writes(assets):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    table.to_parquet("buckia://assets/d/t.parquet", storage_options=assets or None)
    table.to_csv("buckia://assets/t.csv", index=False, storage_options=assets or None)
    assert pandas.read_parquet("buckia://assets/d/t.parquet", storage_options=assets or None).equals(table)
    assert pandas.read_csv("buckia://assets/t.csv", storage_options=assets or None).equals(table)


def test_duckdb_queries_and_writes(assets):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("buckia", **assets))
        connection.execute("copy (select range n from range(5)) to 'buckia://assets/n.parquet' (format parquet)")
        assert connection.execute("select sum(n) from 'buckia://assets/*.parquet'").fetchall() == [(10,)]


def test_zarr_keeps_an_array(assets):
    zarr, numpy = pytest.importorskip("zarr"), pytest.importorskip("numpy")
    url = "buckia://assets/array.zarr"
    array = zarr.create_array(url, shape=(4, 4), chunks=(2, 2), dtype="i4", storage_options=assets or None)
    array[:] = numpy.arange(16).reshape(4, 4)
    assert zarr.open_array(url, mode="r", storage_options=assets or None)[:].sum() == 120


def test_xarray_keeps_a_data_set(assets):
    xarray, numpy = pytest.importorskip("xarray"), pytest.importorskip("numpy")
    url = "buckia://assets/set.zarr"
    dataset = xarray.Dataset({"v": (("x",), numpy.arange(5))})
    dataset.to_zarr(url, consolidated=False, storage_options=assets or None)
    with xarray.open_zarr(url, consolidated=False, storage_options=assets or None) as found:
        assert int(found.v.sum()) == 10
