"""Files encrypted with age, by the real `pyrage`."""

from __future__ import annotations

import pytest

from buckia_core.config.secrets import session
from buckia_core.config.secrets.redaction import clean, mask_known
from buckia_core.config.secrets.references import SecretStores
from buckia_core.config.secrets.secret import Secret
from buckia_core.config.secrets.session import secret_session
from buckia_core.errors import ConfigError, MissingCredentials

pyrage = pytest.importorskip("pyrage")

TEXT = "hunter2-hunter2"


@pytest.fixture
def stores(tmp_path, age_identity):
    return SecretStores(tmp_path, {"BUCKIA_AGE_IDENTITY": str(age_identity)})


def key_of(path):
    return pyrage.x25519.Identity.from_str(path.read_text().splitlines()[-1])


def test_the_file_is_encrypted_and_other_programs_read_it(stores, tmp_path, age_identity):
    stores.write("age:a.age#KEY", Secret(TEXT))
    stores.write("age:a.age#OTHER", Secret("another one"))
    data = (tmp_path / "a.age").read_bytes()
    assert TEXT.encode() not in data
    assert pyrage.decrypt(data, [key_of(age_identity)]) == b"KEY=hunter2-hunter2\nOTHER='another one'\n"


@pytest.mark.parametrize("armored", [False, True])
def test_a_file_of_another_program_is_read_and_keeps_its_form(stores, tmp_path, age_identity, armored):
    content = b"# ours\nKEY='hunter2-hunter2'\n"
    (tmp_path / "a.age").write_bytes(pyrage.encrypt(content, [key_of(age_identity).to_public()], armored))
    assert stores.read("age:a.age#KEY") == Secret(TEXT)
    stores.write("age:a.age#NEW", Secret("x"))
    data = (tmp_path / "a.age").read_bytes()
    assert data.startswith(b"-----BEGIN AGE") is armored
    assert pyrage.decrypt(data, [key_of(age_identity)]) == content + b"NEW=x\n"


def test_a_file_that_is_one_secret(stores, tmp_path, age_identity):
    (tmp_path / "a.age").write_bytes(pyrage.encrypt(b"hunter2-hunter2\n", [key_of(age_identity).to_public()]))
    assert stores.read("age:a.age") == Secret(TEXT)


def test_a_file_of_several_recipients_stays_theirs(stores, tmp_path, age_identity):
    other = pyrage.x25519.Identity.generate()
    recipients = [key_of(age_identity).to_public(), other.to_public()]
    (tmp_path / "a.age").write_bytes(pyrage.encrypt(b"KEY=old\n", recipients))
    with pytest.raises(ConfigError, match="for 2 recipients, and only 1 of their keys are known; set BUCKIA_"):
        stores.write("age:a.age#KEY", Secret(TEXT))
    (tmp_path / "team.txt").write_text("# team\n" + "\n".join(map(str, recipients)))
    stores = SecretStores(tmp_path, {**stores.environ, "BUCKIA_AGE_RECIPIENTS": "team.txt"})
    stores.write("age:a.age#KEY", Secret(TEXT))
    assert pyrage.decrypt((tmp_path / "a.age").read_bytes(), [other]) == b"KEY=hunter2-hunter2\n"


@pytest.mark.long
def test_a_passphrase_is_asked_for_once(tmp_path):
    asked = []

    def ask(question, twice):
        asked.append((question, twice))
        return Secret("correct horse")

    stores = SecretStores(tmp_path, {})
    with secret_session(ask):
        stores.write("age:a.age#KEY", Secret(TEXT))
        assert stores.read("age:a.age#KEY") == Secret(TEXT)
    assert asked == [(f"Passphrase of {tmp_path / 'a.age'}", True)]
    with pytest.raises(ConfigError, match="no terminal to ask for it; set BUCKIA_AGE_PASSPHRASE"):
        stores.read("age:a.age#KEY")
    wrong = SecretStores(tmp_path, {"BUCKIA_AGE_PASSPHRASE": "wrong horse"})
    with pytest.raises(ConfigError, match=r"can't be decrypted: Decryption failed; check the passphrase \(BUCKIA_"):
        wrong.read("age:a.age#KEY")


@pytest.mark.parametrize(
    ("reference", "environ", "kind", "message"),
    [
        ("age:gone.age#A", {}, MissingCredentials, "'age:gone.age#A': .*can't be read: No such file"),
        ("age:plain#A", {}, ConfigError, "plain is not encrypted in the format of age"),
        ("age:a.age#NONE", {}, MissingCredentials, "the file has no 'NONE'"),
        ("age:a.age#KEY", {"BUCKIA_AGE_IDENTITY": ""}, ConfigError, "needs a key; set BUCKIA_AGE_IDENTITY"),
        ("age:a.age#KEY", {"BUCKIA_AGE_IDENTITY": "plain"}, ConfigError, "plain is no identity file of age"),
        ("age:a.age#KEY", {"BUCKIA_AGE_IDENTITY": "gone"}, MissingCredentials, "BUCKIA_AGE_IDENTITY.*can't be read"),
        ("age:a.age#KEY", {"BUCKIA_AGE_IDENTITY": "other"}, ConfigError, "check the key .BUCKIA_AGE_IDENTITY"),
    ],
)
def test_what_can_not_be_read_is_said_without_content(stores, tmp_path, reference, environ, kind, message):
    stores.write("age:a.age#KEY", Secret(TEXT))
    (tmp_path / "plain").write_text("KEY=hunter2-hunter2")
    (tmp_path / "other").write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(kind, match=message) as caught:
        SecretStores(tmp_path, {**stores.environ, **environ}).read(reference)
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


def test_a_session_reads_each_reference_once(tmp_path):
    calls = []

    def read(name):
        calls.append(name)
        return f"secret of {name}"

    stores = SecretStores(tmp_path, {}, {"vault": read})
    with secret_session():
        again = SecretStores(tmp_path, {}, {"vault": read})
        assert stores.read("vault:a") is again.read("vault:a")
        session.forget_secrets()
        stores.read("vault:a")
    stores.read("vault:a")
    stores.read("vault:a")
    assert calls == ["a"] * 4


def test_messages_show_the_reference_and_not_the_secret(stores):
    """The file's content begins with the name of the variable, which the reference has as well."""
    reference = "age:a.age#MY_PHOTOS__SECRET_ACCESS_KEY"
    with secret_session():
        stores.write(reference, Secret(TEXT))
        found = stores.read(reference)
        assert clean(f"{reference} has {found.reveal()}") == f"{reference} has ***"
        assert mask_known(f"stored as {reference}") == f"stored as {reference}"


@pytest.mark.parametrize("text", ["a", "1", "on", "KEY", "admin", "production"])
def test_a_short_or_common_secret_masks_no_other_text(stores, text):
    with secret_session():
        stores.write("age:a.age#KEY", Secret(text))
        found = stores.read("age:a.age#KEY")
        message = f"age:a.age#KEY: on 1 of 11 days an admin of production uploaded data/{text}.txt, a file"
        assert mask_known(message) == clean(message) == message
        assert clean(f"password={found.reveal()}") == "password=***"
