"""The warning about new files that often hold secrets."""

from __future__ import annotations

from buckia_core.syncing.planner.sensitive_uploads import sensitive_warning


def test_what_leaves_out_one_file_leaves_out_all_that_are_named():
    """The first name alone would still send the others."""
    line = sensitive_warning(["conf/ca.pem", "conf/server.key", "other/ca.pem"])
    assert "exclude: ['ca.pem', 'server.key']" in line
    assert "exclude: ['!ca.pem', '!server.key']" in line
