"""Writes docs/adapter-reference.md from the signatures and docstrings of the code.

python -m tests.docs.adapter_reference
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "adapter-reference.md"

ADAPTERS, CONTRACT = "buckia_core.adapters", "buckia_core.adapters.contract"
TRANSFERS, SERVICE = "buckia_core.adapters.transfers", "buckia_core.adapters.service"

INTRODUCTION = """# Reference of the contract

What an adapter implements, and what it may import. Names without a module are imported from `buckia_core`; for the
others, the module is given. Other names of `buckia_core` can change in any release.

Arguments go from the source to the target, as in `cp`: `upload_file(source, key)`, `download_file(key, target)`,
`copy_file(source, key)`. All options are keyword arguments.

This page is made from the docstrings. [Writing an adapter](writing-an-adapter.md) is the way in, and [An adapter for
an HTTP provider](http-adapter.md) has what costs time with real servers.
"""

BASE = """
Implement the abstract methods and properties; the others have defaults. Beyond what the docstrings say:

- **Ranges.** `start` and `end` count bytes from 0; `end` is exclusive. A range that reaches beyond the end of the
  object is shorter, and one that begins at the end or after it is empty. Neither is an error.
- **Short reads.** `read(n)` of a source may return fewer bytes than `n` before its end: only an empty result is the
  end. Readers that you return may do so, too.
- **Metadata.** Names are lower-case ASCII letters, digits and dashes. Values are any text without control characters,
  also empty. If the provider stores less, encode the values. Entries that the adapter stores for itself, such as a
  time, are not shown.
- **What an upload returns.** `key`, `size` and `fingerprint` are those of the listing. All other fields are optional.
- **Retries.** The settings `retry_attempts` and `retry_seconds` belong to the wrapper `Retry`, which repeats whole
  calls. They do not reach the adapter: the policy of a `PartPool` or of `retry_call` is the adapter's own.
- **Progress and `bwlimit`.** The adapter has nothing to do for them. With a bandwidth limit, large sources arrive as
  readers that wait in `read`, and downloads use `open_file`. Without one, a path arrives as a path. Only
  `MultipartSource.on_bytes_sent` and `PartialDownload.on_progress` are called by the adapter.
"""

CAPABILITIES = """
The capability decides, not the class: a method without its capability is fine, and is not called. So a class may have
all methods, and declare those that work with its settings:

```python
@property
def capabilities(self):
    return Capabilities(public_url=self._settings.public_base_url is not None)
```
"""

ERRORS = """
Raise one of these, `from` the error of your SDK. Each field has a reader:

| field | who reads it |
|---|---|
| the class | The engine, the exit code, and the user. See the next table |
| `retryable` | The wrapper `Retry`, `retry_call`, and a multipart upload: its parts are kept after a temporary error |
| `retry_after` | The wait before the next attempt: at least so long |
| `status` | The wrapper `Retry`: without a status there was no response, so that a write may have been executed |
| `key` | Users and applications. It has no prefix |
| `provider` | Users and applications |
| `code`, `request_id` | Applications, and the support of the provider |

| class | what the engine does |
|---|---|
| `NotFound` | Takes the object for absent, and decides anew about the key. Raise it only if the provider says so |
| `BucketNotFound` | Does not take objects for absent: nothing is known about them |
| `PreconditionFailed` | Decides anew about the key. After a lost response, `Retry` checks what is there |
| `InvalidKey` | Reports the key, and goes on with the others |
| `IntegrityError`, `Throttled`, `Transient` | Repeats the call |
| `Unauthenticated` | Ends the run |
| `PermissionDenied` | The operation fails, and the run goes on |
| `OSError` | Takes it for an error of the local file. Translate those of the network |
| any other exception | A defect of the adapter: the operation fails |
"""

PROVISIONING = """
How `buckia provision` reaches the account of a vendor. [Hooks](hooks.md#buckia_register_provisioners) has an example.
"""

RETRY = """
Use `retry_call` only for one request of several in a call: a page of a listing, a part, a range. Do not retry a call
that is one request: the wrapper `Retry` does, and the attempts would multiply.
"""

COMMANDS = """
What the commands of an adapter share, so that they work alike. [Hooks](hooks.md#buckia_register_commands) shows how to
register commands.
"""

TESTING = """
Import from `buckia_core.testing`, and the proxy from `buckia_core.testing.fault_proxy`. They need the extra
`testing`: `pip install "buckia-core[testing]"`.
"""

SECTIONS: tuple[tuple[str, str, str, str], ...] = (
    ("The adapter", BASE, "", "BaseSync"),
    ("Capabilities", CAPABILITIES, "", "Capabilities"),
    (
        "Data",
        "",
        "",
        "Source RemoteObject Digest Digests UploadInfo Precondition IfAbsent IfUnchanged DeleteOutcome ObjectVersion",
    ),
    (
        "Optional protocols",
        "",
        "",
        "PrefixListing ServerCopy PublicUrl SignedUrl WithOptions ObjectOptions Encryption Retention Lifecycle "
        "Versioned ResumableDownload PartialDownload ResumableUpload PartLayout "
        "MultipartSource Checkpoint Coroutines AsyncReader",
    ),
    ("", "", f"{CONTRACT}.protocols", "has_both_faces"),
    (
        "Errors",
        ERRORS,
        "",
        "BuckiaError AdapterError NotFound BucketNotFound AlreadyExists PreconditionFailed PermissionDenied "
        "Unauthenticated InvalidKey NotSupported IntegrityError Throttled Transient MissingCredentials",
    ),
    ("Registration", "", "", "AdapterSpec hookimpl"),
    ("Accounts of other tools", "", "", "AccountSource FoundAccount"),
    (
        "Provisioning",
        PROVISIONING,
        "",
        "ProvisionerSpec BucketProvisioner BucketRecord BucketOptions IssuesKeys KeyRecord KeyScope Access IssuedKey "
        "ResetsPassword PublishesBuckets",
    ),
    ("Settings", "", "", "setting Secret"),
    ("", "", "buckia_core.config.settings", "Setting"),
    ("", "", "buckia_core.config.urls", "check_url connection_warnings"),
    ("", "", "buckia_core.config.parsers", "parse_bytes parse_duration parse_encryption_key"),
    ("Identity", "", "", "normalize_prefix"),
    ("", "", f"{CONTRACT}.identity", "endpoint_identity"),
    ("URLs of objects", "", f"{CONTRACT}.object_urls", "url_below key_below path_below"),
    ("Preconditions", "", "", "satisfies"),
    ("", "", f"{CONTRACT}.types", "stat_or_none"),
    ("Sources of uploads", "", "", "open_source iter_chunks DigestVerifier guess_content_type"),
    (
        "",
        "",
        f"{TRANSFERS}.sources",
        "iter_file_range read_exactly PrependedReader split_parts part_size_for",
    ),
    (
        "",
        "",
        f"{TRANSFERS}.upload_session",
        "UploadSession resume_session spec_digest is_resumable abort_unless_resumable",
    ),
    ("Readers", "", "", "open_chunks LimitedReader"),
    ("", "", f"{CONTRACT}.readers", "write_all"),
    ("", "", f"{TRANSFERS}.body_reader", "BodyReader EmptyReader"),
    ("Downloads", "", "", "RangedDownload RangeStream resume_by_open"),
    ("", "", f"{TRANSFERS}.ranged_download", "OpenRange RangedResult RANGE_BYTES"),
    ("Requests", RETRY, "", "RetryPolicy retry_call PartPool"),
    ("", "", f"{TRANSFERS}.request_counter", "RequestCounter"),
    ("", "", "", "BeforeRequest"),
    ("Blocking calls of coroutines", "", "buckia_core.http.blocking", "run_blocking entered in_event_loop pause"),
    ("Responses", "", f"{SERVICE}.responses", "STATUS_ERRORS parse_retry_after no_response read_body"),
    (
        "",
        "",
        f"{SERVICE}.json_fields",
        "MALFORMED string string_or_none number number_or_none boolean millis token next_page entries strings mapping",
    ),
    ("", "", f"{SERVICE}.page_limits", "PageGuard"),
    ("", "", f"{SERVICE}.redirects", "check_service_address"),
    ("", "", f"{SERVICE}.requests_session", "proxies_for"),
    ("", "", "buckia_core.http.tls", "trust_bundle"),
    ("Commands", COMMANDS, f"{ADAPTERS}.commands.host", "CommandHost"),
    ("", "", f"{ADAPTERS}.commands.table", "Column"),
    (
        "",
        "",
        f"{ADAPTERS}.commands.options",
        "yes_option dry_run_option parse_age value_callback unfinished_uploads_options",
    ),
    ("", "", f"{ADAPTERS}.commands.config_change", "unified_diff PlannedChange confirm_and_apply read_text"),
    ("", "", f"{ADAPTERS}.commands.unfinished", "list_or_abort_uploads"),
    ("Tests", TESTING, "buckia_core.testing", "AdapterConformance Faulty Fault m"),
    ("", "", "buckia_core.testing.fault_proxy", "FaultProxy"),
    (
        "",
        "",
        "buckia_core.testing.fault_proxy.faults",
        "Answer Cut Reset Truncate Corrupt LoseReply Refuse Delay Stall Encoded Request Rule",
    ),
)
"""Title (empty: the same section), introduction, module (empty: `buckia_core`), names."""

DEFINITIONS = {
    "Digests": "buckia_core.planning.digest",
    "Precondition": f"{CONTRACT}.types",
    "BeforeRequest": f"{CONTRACT}.base",
    "Source": f"{CONTRACT}.base",
    "hookimpl": "buckia_core.adapters.plugins.hookspecs",
}
"""Modules of names that are no class and no function."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

_SECTION = re.compile(r"(Args|Attributes|Raises|Returns):")
_ENTRY = re.compile(r"    (\w[\w, .]*?): (.*)")


def render() -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for title, introduction, module, names in SECTIONS:
        if title:
            parts.append(f"## {title}\n")
        if introduction:
            parts.append(introduction.strip() + "\n")
        for name in names.split():
            parts += _describe(module or "buckia_core", name)
    return "\n".join(parts)


def documented() -> set[str]:
    """Return all names on the page that are imported from `buckia_core`."""
    return {name for _, _, module, names in SECTIONS if not module for name in names.split()}


def _describe(module: str, name: str) -> Iterator[str]:
    node, docstring = _find(_home(module, name), name)
    yield f"### {name}\n"
    if module != "buckia_core":
        yield f"From `{module}`.\n"
    match node:
        case ast.ClassDef():
            yield _block(_class_head(node))
            yield _text(docstring)
            for member in node.body:
                if isinstance(member, Function) and _is_public(member):
                    yield f"#### {name}.{member.name}\n"
                    yield _block(_signature(member))
                    yield _text(ast.get_docstring(member) or "")
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield _block(_signature(node))
            yield _text(docstring)
        case _:
            yield _block(ast.unparse(node))
            yield _text(docstring)


def _home(module: str, name: str) -> ModuleType:
    """Return the module that defines a name of another."""
    package = importlib.import_module(module)
    value = getattr(package, name)
    is_defined_by_name = inspect.isclass(value) or inspect.isfunction(value)
    default = value.__module__ if is_defined_by_name else DEFINITIONS.get(name, module)
    return importlib.import_module(default)


def _find(module: ModuleType, name: str) -> tuple[ast.AST, str]:
    """Return the definition of a name, and its docstring."""
    body = ast.parse(inspect.getsource(module)).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.name == name:
                return node, ast.get_docstring(node) or ""
            case ast.Assign(targets=[ast.Name(id=found)]) | ast.AnnAssign(target=ast.Name(id=found)) if found == name:
                match following:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        return node, inspect.cleandoc(text)
                return node, ""
    raise LookupError(f"{module.__name__} does not define {name}")


def _class_head(node: ast.ClassDef) -> str:
    """Return a class with its fields and `__init__`, without the rest."""
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    head = f"class {node.name}({bases}):" if bases else f"class {node.name}:"
    lines: list[str] = []
    for member in node.body:
        match member:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) if name[0] != "_":
                lines.append(f"    {ast.unparse(member)}")
            case ast.FunctionDef(name="__init__"):
                lines += [f"    {line}" for line in _signature(member).splitlines()]
    decorators = [f"@{ast.unparse(each)}" for each in node.decorator_list]
    return "\n".join([*decorators, head, *lines] if lines else [*decorators, f"{head} ..."])


def _signature(node: Function) -> str:
    decorators = [f"@{ast.unparse(each)}" for each in node.decorator_list]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    arguments = list(_arguments(node.args))
    start = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {node.name}"
    head = f"{start}({', '.join(arguments)}){returns}: ..."
    if len(head) > 100:
        lines = "".join(f"    {each},\n" for each in arguments)
        head = f"{start}(\n{lines}){returns}: ..."
    return "\n".join([*decorators, head])


def _arguments(arguments: ast.arguments) -> Iterator[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for number, (argument, default) in enumerate(zip(positional, defaults, strict=True), 1):
        yield _argument(argument, default)
        if number == len(arguments.posonlyargs):
            yield "/"
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _argument(argument, default)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + ("" if default is None else f" = {ast.unparse(default)}")


def _is_public(node: Function) -> bool:
    is_test = any(ast.unparse(each).startswith("pytest.") for each in node.decorator_list)
    return not node.name.startswith("_") and not is_test


def _block(code: str) -> str:
    return f"```python\n{code}\n```\n"


def _text(docstring: str) -> str:
    """Turn a docstring into Markdown: its lists of arguments and errors become lists."""
    lines: list[str] = []
    section = False
    for line in docstring.splitlines():
        if _SECTION.fullmatch(line):
            section = True
            lines += [f"{line[:-1]}:", ""]
        elif section and (entry := _ENTRY.match(line)):
            names = ", ".join(f"`{name.strip()}`" for name in entry[1].split(","))
            lines.append(f"- {names}: {entry[2]}")
        elif section and line.startswith("        "):
            lines.append(f"  {line.strip()}")
        else:
            section = section and not line
            lines.append(line)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
