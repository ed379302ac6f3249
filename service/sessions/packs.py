"""Packs as PDF, where WeasyPrint is installed; it fetches nothing."""

from matcher.errors import CommonwealError

PDF_NEEDS = (
    "PDF needs WeasyPrint. Whoever runs Commonweal installs it: .venv/bin/pip install 'commonweal[pdf]'. "
    "The page itself prints without it."
)


class NoPdfError(CommonwealError):
    """WeasyPrint is not installed."""


def pdf(html: str, style: str) -> bytes:
    """The page as PDF. Raises NoPdfError with what to install."""
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):
        raise NoPdfError(PDF_NEEDS) from None

    class Nothing(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: object = None) -> object:
            raise ValueError(f"a pack fetches nothing: {url[:80]}")

    page = weasyprint.HTML(string=html, url_fetcher=Nothing())
    made = page.write_pdf(stylesheets=[weasyprint.CSS(string=style)])
    assert isinstance(made, bytes)
    return made
