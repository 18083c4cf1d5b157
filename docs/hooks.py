"""Hooks for mkdocs: pages may link to any file of the project, and the site shows the linked files.

On GitHub such a link leads to the file. A reader of the site may not have the project at hand. So each linked file
becomes a page below `source/`. A link to a missing file fails the build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)")
_LANGUAGES = {".md": "markdown", ".py": "python", ".toml": "toml", ".yml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add a page for each file outside docs/ that a page links to."""
    linked = {path for file in files.documentation_pages() for path in _outside(file.src_uri, file.content_string)}
    for path in sorted(linked):
        files.append(File.generated(config, _page_of(path), content=_shown(path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Change links that leave docs/ so that they lead to those pages."""
    here = page.file.src_uri

    def inside(link: re.Match[str]) -> str:
        path = _path(here, link[1])
        return posixpath.relpath(_page_of(path), posixpath.dirname(here)) if path else link[1]

    return _LINK.sub(inside, markdown)


def _outside(here: str, markdown: str) -> set[str]:
    return {path for link in _LINK.findall(markdown) if (path := _path(here, link))}


def _path(here: str, link: str) -> str:
    """Return the path in the project of a link that leaves docs/; "" for any other link."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(here), link))
    return "" if path == "docs" or path.startswith("docs/") else path


def _page_of(path: str) -> str:
    return f"source/{path.lstrip('.')}.md"  # mkdocs leaves out what begins with a dot, such as .github


def _shown(path: str) -> str:
    file = ROOT / path
    if not file.exists():
        raise PluginError(f"a page links to {path}, which is not there")
    title = f"---\nsearch:\n  exclude: true\n---\n# `{path}`\n\n"
    if file.is_dir():
        return title + "".join(f"- `{child.name}`\n" for child in sorted(file.iterdir()) if child.name[0] not in "._")
    return f"{title}`````{_LANGUAGES.get(file.suffix, 'text')}\n{file.read_text(encoding='utf-8')}`````\n"
