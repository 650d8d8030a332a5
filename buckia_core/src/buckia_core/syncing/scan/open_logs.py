"""Log files that this process is writing: a run changes them, so it can't sync them."""

from __future__ import annotations

import logging


def open_log_files() -> list[str]:
    """Return the absolute paths of the files that handlers of the root logger and of Buckia's loggers write."""
    loggers = [logging.getLogger(name) for name in ("", "buckia", "buckia_core")]
    handlers = (handler for logger in loggers for handler in logger.handlers)
    return [handler.baseFilename for handler in handlers if isinstance(handler, logging.FileHandler)]
