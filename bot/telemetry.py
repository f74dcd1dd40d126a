"""Logs and Sentry: structured, by allow-list. What is not named here never leaves the process."""

import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from bot.outgoing import proxy_for

# Fields of a log record that may be written, each a short word or a number of our own.
ALLOWED = (
    "run",
    "error",
    "group",
    "step",
    "connector",
    "code",
    "count",
    "seconds",
    "address",
    "config",
    "worker",
    "method",
    "source",
)
LIMIT = 200
# Loggers whose texts are ours: written out, never filled in. A library's text may hold anything: a URL, a row, a token.
OURS = ("tandem",)
NOT_OURS = ("tandem.bolt",)  # Bolt writes to it
# What libraries say that holds no value, by how its first line begins.
KNOWN = (
    "Task exception was never retrieved",
    "Task was destroyed but it is pending!",
    "Future exception was never retrieved",
    "Unhandled exception in client_connected_cb",
    "Exception in callback",
    "Unclosed client session",
    "Unclosed connection",
    "Error handling request",
)
EVENT = ("event_id", "timestamp", "platform", "level", "release", "environment", "sdk")
log = logging.getLogger("tandem")
_run: ContextVar[int | None] = ContextVar("run", default=None)


@contextmanager
def about(run: int | None) -> Iterator[None]:
    """Every line said meanwhile names the run, a library's too, also from tasks and threads that are begun inside.

    None: no run.
    """
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


class Lines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the allowed fields; never an exception's own text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            **_told(record),
        }
        line |= _fields(record)
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def _told(record: logging.LogRecord) -> dict[str, str]:
    """Our own sentence as it stands in the source; of a library's the place where it is written, and a known opening.

    Arguments are never filled in.
    """
    text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if _is_ours(record.name):
        return {"said": text}
    place = {"place": f"{record.filename}:{record.lineno}"}
    known = next((opening for opening in KNOWN if text.startswith(opening)), None)
    return {"said": known, **place} if known else place


def _is_ours(logger: str) -> bool:
    def under(names: tuple[str, ...]) -> bool:
        return any(logger == name or logger.startswith(f"{name}.") for name in names)

    return under(OURS) and not under(NOT_OURS)


def _fields(record: logging.LogRecord) -> dict[str, str]:
    """The allowed fields that the record has, and the run that is worked at."""
    run = _run.get()
    known = {} if run is None else {"run": _word("run", run)}
    return known | {name: _word(name, getattr(record, name)) for name in ALLOWED if hasattr(record, name)}


def _word(name: str, value: Any) -> str:
    """A field's value; a run by its tag, however it was named."""
    return f"r{value}" if name == "run" and isinstance(value, int) else str(value)[:LIMIT]


def _where(trace: TracebackType | None) -> str:
    """Files and lines of a traceback, innermost last; no source text, no values."""
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(places[-6:])


def start_logging(level: int = logging.INFO) -> None:
    """Everything to standard error, a JSON object a line. Libraries speak from warnings on.

    What nobody caught is told in the same way: an interpreter's own traceback would show the exception's text.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # else a record that cannot be written is printed with its arguments
    log.setLevel(level)
    for name in NOT_OURS:
        logging.getLogger(name).setLevel(logging.ERROR)  # its warnings at each start are about settings that are meant
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    log.critical("something broke that nobody caught", exc_info=(kind, error or kind(), trace))


def start_sentry(dsn: str | None, certificates: str | None = None) -> None:
    """Sentry without integrations, locals, breadcrumbs or request bodies: class, place and our own tags only.

    `certificates` is a PEM file of whom to trust. Raises ValueError, without the text, for what is no DSN.
    """
    if dsn is None:
        return
    import sentry_sdk

    try:
        via = proxy_for(dsn) or ""  # the library's own reading of NO_PROXY is another than everybody's
        sentry_sdk.init(
            dsn=dsn,
            http_proxy=via,
            https_proxy=via,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            send_client_reports=False,
            send_default_pii=False,
            ca_certs=certificates,
            before_breadcrumb=lambda crumb, hint: None,
            before_send=_allowed_event,
            before_send_transaction=lambda event, hint: None,
        )
    except ValueError:  # what is no URL, or no DSN
        raise ValueError("SENTRY_DSN is no DSN: write the one that Sentry shows under Client Keys") from None


def _allowed_event(event: Any, hint: Mapping[str, Any]) -> Any:
    """An event cut down to what may leave: exception classes, frames without values, our own sentence, our tags."""
    kept = {name: event[name] for name in EVENT if name in event}
    values = (event.get("exception") or {}).get("values") or []
    if values:
        kept["exception"] = {
            "values": [
                {"type": v.get("type"), "value": "", "stacktrace": {"frames": [_frame(f) for f in _frames(v)]}}
                for v in values
            ]
        }
    record = hint.get("log_record")
    if isinstance(record, logging.LogRecord):
        kept["logger"] = record.name
        told = _told(record)
        kept["logentry"] = {"message": told.get("said") or told["place"]}
        kept["tags"] = _fields(record)
    return kept


def _frames(value: Mapping[str, Any]) -> list[Any]:
    return (value.get("stacktrace") or {}).get("frames") or []


def _frame(frame: Mapping[str, Any]) -> dict[str, Any]:
    return {name: frame.get(name) for name in ("module", "function", "lineno", "in_app")}
