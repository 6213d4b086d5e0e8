"""Every error that the engine raises on purpose.

    EngineError
    ├── DataError             bars that cannot be read or do not fit
    │   ├── ImportRefused     a file that an import refuses; what was there stays
    │   └── UnknownDataset    no dataset of that name
    ├── StrategyError         a strategy file or parameter that a person named and that does not fit
    ├── PromptError           prompts that cannot be read, or not be saved over what stands there
    ├── CampaignError         a campaign that cannot be started, found or continued
    ├── CannotChange          a change of a run that its signals do not allow
    ├── UnknownRun            no run of that id
    ├── UnknownEntry          no call, idea, belief or the like of that id
    └── StoreError            the ledger cannot be used
        ├── StoreLocked       another process owns it
        ├── StoreTooNew       written by a newer version
        └── StoreFull         the disk has no room

Each message says what was found, what was wanted and what to do. A failing *candidate* is no
error: it is a value, `records.Failure`.
"""

import errno

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")


class EngineError(Exception):
    """Base of all deliberate errors; its text is one clear sentence for a person."""


class DataError(EngineError):
    """Bars cannot be read, or do not fit what was asked of them."""


class ImportRefused(DataError):
    """A file was refused on import; whatever stood under that name before is untouched."""


class UnknownDataset(DataError):
    """No dataset of that name exists in the store."""


class StrategyError(EngineError):
    """A strategy file, or a parameter given for it, does not fit the contract."""


class PromptError(EngineError):
    """The book of prompts cannot be read, or a change of it cannot be saved."""


class CampaignError(EngineError):
    """A campaign cannot be started, found or continued."""


class CannotChange(EngineError):
    """A change of a run that its signals do not allow."""


class UnknownRun(EngineError):
    """No run of that id is in the ledger."""


class UnknownEntry(EngineError):
    """No call, idea, belief, proposal or note of that id is in the ledger."""


class StoreError(EngineError):
    """The ledger cannot be used."""


class StoreLocked(StoreError):
    """Another process owns the ledger."""


class StoreTooNew(StoreError):
    """The ledger was written by a newer version of Edgewise."""


class StoreFull(StoreError):
    """The disk has no room for what was to be written; nothing half-written stays."""


def says_no_room(error: BaseException) -> bool:
    """The error says that the disk, a quota or a file size limit is exhausted; DuckDB says so in its text only, and numpy
    only how much of an array it has written.
    """
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM or (error.errno is None and " requested and " in str(error))
    return any(text in str(error) for text in _NO_ROOM_TEXTS)
