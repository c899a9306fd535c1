"""Browser extensions of remote-access products, by their ids; the other extensions of a person are nobody's business."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted


def browser_extensions(tree: Tree, wanted: Wanted, profiles: Iterable[tuple[str, str]]) -> Source:
    """*profiles*: (browser, pattern of its folders `.../Extensions`)."""
    known = tuple(profiles)

    def source(views: Views) -> Iterator[Row]:
        for browser, pattern in known:
            for folder in tree.glob(pattern, views.miss):
                try:
                    names = tree.names(folder)
                except OSError as problem:
                    views.miss(folder, problem)
                    continue
                for id_ in names:
                    if id_ in wanted.extensions:
                        version = max(tree.names(f"{folder}/{id_}"), default="")
                        yield (browser, id_, id_, version)

    return source
