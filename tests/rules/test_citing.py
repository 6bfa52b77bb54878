"""How an article is cited, by the examples of the style guides, and what no title may break."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from standfirst.articles.citing import (
    Work,
    apa,
    bibtex,
    chicago,
    key_of,
    meta_of,
    name_of,
    ris,
)

SALT = Work(
    title="Salt Roads",
    authors=["Ada Maria Sample"],
    magazine="The Meridian",
    published=date(2026, 11, 4),
    address="https://example.org/2026/11/salt-roads/",
    summary="Why salt moves.",
)
MANY = [f"Person{n:02} Number{n:02}" for n in range(1, 23)]


def by(*authors: str, **more: object) -> Work:
    return replace(SALT, authors=authors, **more)


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "turned", "initials"),
    [
        ("Ada Sample", "Sample, Ada", "Sample, A."),
        ("Jean-Paul  von der Au", "von der Au, Jean-Paul", "von der Au, J.-P."),
        ("Joan R. R. Other Jr.", "Other, Joan R. R., Jr.", "Other, J. R. R., Jr."),
        ("Ada Sample, PhD", "Sample, Ada, PhD", "Sample, A., PhD"),
        ("Voltaire", "Voltaire", "Voltaire"),
        ("Élodie Ștefan", "Ștefan, Élodie", "Ștefan, É."),
        ("The Meridian", "The Meridian", "The Meridian"),
        ("Meridian staff", "Meridian staff", "Meridian staff"),
        ("Institute for Sea Law", "Institute for Sea Law", "Institute for Sea Law"),
        ("Ministry, Department of Salt", *["Ministry, Department of Salt"] * 2),
    ],
)
def test_a_name_is_turned_round_where_it_is_a_persons(text: str, turned: str, initials: str):
    name = name_of(text)
    assert (name.turned, name.with_initials) == (turned, initials)


def test_who_is_called_like_the_magazine_is_no_person():
    assert name_of("Salt Weekly", "Salt Weekly").is_body
    assert not name_of("Salt Weekly", "The Meridian").is_body


# -- styles -----------------------------------------------------------------------------------


def test_chicago():
    here = SALT.address
    assert str(chicago(SALT)) == (
        f"Sample, Ada Maria. “Salt Roads.” The Meridian, November 4, 2026. {here}."
    )
    assert str(chicago(by("Ada Sample", "Ben Other"))).startswith("Sample, Ada, and Ben Other. “")
    three = str(chicago(by("Ada Sample", "Ben Other Jr.", "The Desk")))
    assert three.startswith("Sample, Ada, Ben Other Jr., and The Desk. “")
    assert str(chicago(by(*MANY[:7]))).startswith(
        "Number01, Person01, Person02 Number02, Person03 Number03, et al. “"
    )
    assert str(chicago(by())).startswith("“Salt Roads.” The Meridian, ")
    assert str(chicago(by("Ben Other Jr."))).startswith("Other, Ben, Jr. “Salt")


def test_apa():
    here = SALT.address
    assert str(apa(SALT)) == f"Sample, A. M. (2026, November 4). Salt Roads. The Meridian. {here}"
    assert str(apa(by("Ada Sample", "Ben Other"))).startswith("Sample, A., & Other, B. (2026")
    assert str(apa(by("Editors of the Atlas", "Ben Other"))).startswith(
        "Editors of the Atlas, & Other, B. (2026"
    )
    assert str(apa(by())) == f"Salt Roads. (2026, November 4). The Meridian. {here}"
    twenty = str(apa(by(*MANY[:20])))
    assert "Number19, P., & Number20, P. (" in twenty
    assert "Number19, P., . . . Number22, P. (" in str(apa(by(*MANY)))
    assert "Number20" not in str(apa(by(*MANY)))


def test_a_title_keeps_its_own_end_and_its_quotes_give_way():
    asked = replace(SALT, title='Who said "salt" and “tax”?')
    assert "“Who said ‘salt’ and ‘tax’?” The" in str(chicago(asked))
    assert '). Who said "salt" and “tax”? The' in str(apa(asked))


def test_what_has_no_date_says_so():
    undated = replace(SALT, published=None)
    assert f"The Meridian, n.d. {SALT.address}." in str(chicago(undated))
    assert "Sample, A. M. (n.d.). Salt" in str(apa(undated))
    assert "year" not in bibtex(undated)
    assert "PY  -" not in ris(undated)


# -- files ------------------------------------------------------------------------------------


def test_bibtex():
    assert bibtex(by("Ada Sample", "Zoë von Ørsted Jr.", "The Meridian")) == (
        "@article{sample2026salt,\n"
        '  author = {Sample, Ada and von {\\O}rsted, Jr., Zo{\\"{e}} and {The Meridian}},\n'
        "  title = {{Salt Roads}},\n"
        "  journal = {The Meridian},\n"
        "  year = {2026},\n"
        "  month = nov,\n"
        "  date = {2026-11-04},\n"
        "  url = {https://example.org/2026/11/salt-roads/},\n"
        "}\n"
    )


def test_what_latex_would_misread_is_written_for_it():
    hard = replace(SALT, title="100 % of {salt} & $9_000 #1 ~ ^ \\ “č” – –- ?‘ 中文 …")
    assert (
        "{{100 \\% of \\textbraceleft{}salt\\textbraceright{} \\& \\$9\\_000 \\#1 "
        "\\textasciitilde{} \\textasciicircum{} \\textbackslash{} ``{\\v{c}}'' -- --{}- ?{}` "
        "中文 \\ldots{}}}"
    ) in bibtex(hard)


def test_a_name_with_and_in_it_is_one_author():
    assert "author = {{Press and Radio} and Sample, Ada}," in bibtex(
        by("Press and Radio", "Ada Sample")
    )


def test_a_key_is_plain_and_never_empty():
    assert key_of(by("Ștefan Ünal", title="Über alles")) == "unal2026uber"
    assert key_of(by("李明", title="中文", magazine="中", published=None)) == "article"


def test_ris():
    assert ris(by("Ada Sample", "The Meridian")) == (
        "TY  - MGZN\r\nAU  - Sample, Ada\r\nAU  - The Meridian\r\nTI  - Salt Roads\r\n"
        "T2  - The Meridian\r\nPY  - 2026\r\nDA  - 2026/11/04/\r\n"
        "UR  - https://example.org/2026/11/salt-roads/\r\nLA  - en\r\nAB  - Why salt moves.\r\n"
        "ER  - \r\n"
    )


def test_what_reference_managers_look_for_in_a_page():
    assert meta_of(SALT) == [
        ("citation_title", "Salt Roads"),
        ("citation_author", "Sample, Ada Maria"),
        ("citation_publication_date", "2026/11/04"),
        ("citation_journal_title", "The Meridian"),
        ("citation_language", "en"),
        ("citation_public_url", SALT.address),
    ]


# -- whatever stands in a headline ------------------------------------------------------------

ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TELLING = st.text(
    st.sampled_from("ab {}\\$&%#_~^`'\"-–—“”‘’éßÅ,.@\n\r?!<\x00\u2028and"), max_size=40
)
works = st.builds(
    Work,
    title=ANYTHING | TELLING,
    authors=st.lists(ANYTHING | TELLING, max_size=4),
    magazine=ANYTHING | TELLING,
    published=st.none() | st.dates(),
    address=st.just(SALT.address),
    summary=ANYTHING,
)


@given(works)
@example(replace(SALT, title="{", authors=["}", "\\"]))
def test_an_entry_for_bibtex_is_one_entry(work: Work):
    """As BibTeX reads it: braces are counted, whatever stands before them."""
    text = bibtex(work)
    depth, ends = 0, []
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
        if letter == "}" and depth == 0:
            ends.append(at)
    assert ends == [len(text) - 2]
    head, *fields, last, nothing = text.split("\n")
    assert re.fullmatch(r"@article\{[a-z0-9]+,", head)
    assert (last, nothing) == ("}", "")
    assert all(re.fullmatch(r"  [a-z]+ = (\{.*\}|[a-z]{3}),", field) for field in fields)
    assert not re.search(r"(?<!\\)[$&%#_~^]", text.replace(work.address, ""))


@given(st.text(st.sampled_from("ab {}\\$&%#_~^`-–—“”‘’éßÅøłñ,.@?!<"), max_size=40))
def test_a_title_comes_back_from_bibtex_as_it_was(title: str):
    line = next(row for row in bibtex(replace(SALT, title=title)).split("\n") if "title" in row)
    assert unwritten(line[len("  title = {{") : -len("}},")]) == " ".join(title.split())


def unwritten(text: str) -> str:
    """What LaTeX makes of the commands that are used here."""
    signs = {"textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}"}
    signs |= {"textasciitilde": "~", "textasciicircum": "^", "textasciigrave": "\\`"}
    letters = {"\\'{e}": "é", "\\r{A}": "Å", "\\~{n}": "ñ", "\\ss": "ß", "\\o": "ø", "\\l": "ł"}
    rules: list[tuple[str, object]] = [
        (r"\{(\\(?:['~]|r)\{\w\}|\\(?:ss|o|l))\}", lambda m: letters[m[1]]),
        (r"\\(text\w+)\{\}", lambda m: signs[m[1]]),
        (r"\\([$&%#_])", lambda m: m[1]),
        (r"``", lambda m: "“"),
        (r"''", lambda m: "”"),
        (r"`", lambda m: "‘"),
        (r"'", lambda m: "’"),
        (r"---", lambda m: "—"),
        (r"--", lambda m: "–"),
        (r"\{\}", lambda m: ""),
    ]
    written = ""
    while text:
        for pattern, make in rules:
            if found := re.match(pattern, text):
                written += make(found)  # type: ignore[operator]
                text = text[found.end() :]
                break
        else:
            written, text = written + text[0], text[1:]
    return written.replace("\\`", "`")


@given(works)
def test_a_reference_in_ris_has_a_tag_on_every_line(work: Work):
    text = ris(work)
    lines = text.split("\r\n")
    assert lines[0] == "TY  - MGZN"
    assert lines[-2:] == ["ER  - ", ""]
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]  - \S.*", line) for line in lines[:-2])
    assert len(text.splitlines()) == len(lines) - 1
    assert [line[:2] for line in lines].count("ER") == 1


@given(works)
def test_whatever_is_cited_has_its_styles_on_one_line(work: Work):
    for style in (chicago, apa):
        text = str(style(work))
        assert len(text.splitlines()) == 1
        assert work.address in text
