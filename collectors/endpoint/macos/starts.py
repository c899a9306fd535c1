"""What starts programs beside launchd and cron: hooks and applications of loginwindow, periodic(8), rules of emond, startup items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from collectors.endpoint.linux.homes import Account
from collectors.endpoint.macos import plists
from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

_LOGINWINDOW = "Library/Preferences/com.apple.loginwindow.plist"
_PERIODIC = tuple(
    f"{base}/periodic/{every}"
    for base in ("/etc", "/usr/local/etc")
    for every in ("daily", "weekly", "monthly")
)
_EMOND = "/etc/emond.d/rules"
_BACKGROUND = (
    "/var/db/com.apple.backgroundtaskmanagement/*.btm",
    "/Users/*/Library/Application Support/com.apple.backgroundtaskmanagementagent/backgrounditems.btm",
)


def hooks(data: bytes) -> Iterator[tuple[str, str]]:
    """(kind, command) of what a com.apple.loginwindow.plist starts. Raises `NotPlist`."""
    told = plists.dictionary(data)
    for kind in ("LoginHook", "LogoutHook"):
        if command := plists.text(told, kind):
            yield kind, command
    for one in plists.dictionaries(told.get("AutoLaunchedApplicationDictionary")):
        if path := plists.text(one, "Path"):
            yield "application at login", f'"{path}"' if " " in path and '"' not in path else path


def rules(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, command) of the emond rules that run something. Raises `NotPlist`."""
    root = plists.anything(data)
    for rule in plists.dictionaries(root if isinstance(root, list) else [root]):
        for action in plists.dictionaries(rule.get("actions")):
            if plists.text(action, "type") == "RunCommand":
                words = [plists.text(action, "command"), *plists.texts(action, "arguments")]
                yield plists.text(rule, "name"), " ".join(words)


def run_keys(tree: Tree, wanted: Wanted, people: Iterable[Account]) -> Source:
    places = [
        (f"/{_LOGINWINDOW}", "loginwindow"),
        (f"/var/root/{_LOGINWINDOW}", "loginwindow of root"),
    ]
    places += [
        (f"{a.folder}/{_LOGINWINDOW}", f"loginwindow of {a.account}")
        for a in people
        if a.folder != "/var/root"
    ]

    def source(views: Views) -> Iterator[Row]:
        for file, place in places:
            for kind, command in _read(tree, views, file, hooks):
                yield (place, kind, redact(command, wanted.kept))
        for folder in _PERIODIC:
            for name in _names(tree, views, folder):
                yield (folder, name, f"{folder}/{name}")
        for name in _names(tree, views, _EMOND):
            if name.endswith(".plist"):
                for rule, command in _read(tree, views, f"{_EMOND}/{name}", rules):
                    yield ("emond", rule, redact(command, wanted.kept))
        for name in _names(tree, views, "/Library/StartupItems"):
            yield ("/Library/StartupItems", name, f"/Library/StartupItems/{name}/{name}")
        for pattern in _BACKGROUND:
            for file in tree.glob(pattern, views.miss):
                views.miss(f"login items in {file}", "its form is not documented")

    return source


def _read(
    tree: Tree, views: Views, file: str, how: Callable[[bytes], Iterator[tuple[str, str]]]
) -> list[tuple[str, str]]:
    try:
        return list(how(tree.data(file, plists.MOST_BYTES + 1)))
    except FileNotFoundError:
        pass
    except OSError as problem:
        views.miss(file, problem)
    except plists.NotPlist as problem:
        views.miss(file, str(problem))
    return []


def _names(tree: Tree, views: Views, folder: str) -> list[str]:
    try:
        return tree.names(folder)
    except OSError as problem:
        views.miss(folder, problem)
        return []
