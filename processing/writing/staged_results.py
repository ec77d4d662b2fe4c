"""All result folders of a job, which get their files together or not at all."""

import contextlib
import logging
from types import TracebackType
from typing import Self

from processing.writing.staged_directory import StagedDirectory

logger = logging.getLogger(__name__)


class StagedResults:
    """Result folders that are published together.

        with StagedResults(evaluation, model) as results:
            evaluation.path("val.tar.gz").write_bytes(...)
            model.path("lightgbmmt_model.txt").write_text(...)
            results.publish()

    What an earlier run has left stays as it is until `publish`, which puts one folder after the
    other in place. If it fails on the way, those that are in place are taken back. If the process
    is killed on the way, the next one starts by putting the others in place, too, because all that
    is new was complete before the first one was touched.

    Args:
        directories: In the order in which they are put in place; the last one's presence says that
            all are.
    """

    def __init__(self, *directories: StagedDirectory) -> None:
        self._directories = directories

    def __enter__(self) -> Self:
        for directory in self._directories:
            directory.target.mkdir(parents=True, exist_ok=True)
        # The last one is complete after the others.
        if self._directories[-1].is_interrupted():
            logger.info("The results of an earlier run, which was killed over it, are put in place")
            for directory in self._directories:
                directory.finish()
        for directory in self._directories:
            directory.prepare()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for directory in self._directories:
            # What cannot be removed is removed by the next run; results or the first error stand.
            with contextlib.suppress(OSError):
                directory.remove_aside()

    def publish(self) -> None:
        """Puts all folders in place.

        Raises:
            OSError: A folder refuses it; none has changed then.
        """
        for directory in self._directories:
            directory.complete()
        begun: list[StagedDirectory] = []
        try:
            for directory in self._directories:
                begun.append(directory)
                directory.put_in_place()
        except BaseException:
            for directory in reversed(begun):
                with contextlib.suppress(OSError):
                    directory.take_back()
            raise
