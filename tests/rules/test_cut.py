"""Where the preview ends."""

from hypothesis import given
from hypothesis import strategies as st

from standfirst.articles.rules import Piece, pieces_of, plain_text, split_at_cut

OTHERS = ["heading", "image", "quote", "list", "table", "embed", "footnotes"]

words = st.text("abc &<é", min_size=1, max_size=12).filter(str.strip)
paragraph = words.map(lambda t: f"<p>{t.replace('&', '&amp;').replace('<', '&lt;')}</p>")
block = st.one_of(
    st.lists(paragraph, min_size=1, max_size=4).map(lambda ps: Piece("paragraph", "".join(ps))),
    st.sampled_from(OTHERS).map(lambda kind: Piece(kind, "something")),
)
cut = st.just(Piece("cut", None))
uncut = st.lists(block, max_size=12)
bodies = st.lists(st.one_of(block, cut), max_size=14)


def kinds(pieces: list[Piece]) -> list[str]:
    return [piece.kind for piece in pieces]


def test_without_a_cut_the_first_three_paragraphs_are_the_preview() -> None:
    body = [Piece("paragraph", f"<p>{n}</p>") for n in range(6)]
    preview, rest = split_at_cut(body)
    assert [p.value for p in preview] == ["<p>0</p>", "<p>1</p>", "<p>2</p>"]
    assert len(rest) == 3


def test_the_cut_may_stand_before_everything() -> None:
    preview, rest = split_at_cut([Piece("cut", None), Piece("paragraph", "<p>all of it</p>")])
    assert preview == []
    assert len(rest) == 1


def test_a_cut_with_nothing_after_it_does_not_give_the_article_away() -> None:
    body = [Piece("paragraph", f"<p>{n}</p>") for n in range(2)]
    preview, rest = split_at_cut([*body, Piece("cut", None)])
    assert len(preview) == len(rest) == 1


def test_a_heading_never_stands_last_before_the_wall() -> None:
    body = [Piece("paragraph", "<p>a</p>"), Piece("heading", "b"), Piece("cut", None)]
    preview, rest = split_at_cut([*body, Piece("paragraph", "<p>c</p>")])
    assert kinds(preview) == ["paragraph"]
    assert kinds(rest) == ["heading", "paragraph"]


def test_text_between_paragraphs_is_not_lost() -> None:
    source = "<p>one</p>loose words<p>two</p><blockquote>three</blockquote>"
    told = [plain_text(p.value) for p in pieces_of([Piece("paragraph", source)])]
    assert told == ["one", "loose words", "two", "three"]


@given(bodies)
def test_preview_and_rest_are_the_whole_body_in_order(body: list[Piece]) -> None:
    preview, rest = split_at_cut(body)
    assert preview + rest == [p for p in pieces_of(body) if p.kind != "cut"]


@given(bodies)
def test_a_cut_itself_is_never_shown(body: list[Piece]) -> None:
    preview, rest = split_at_cut(body)
    assert "cut" not in kinds(preview) + kinds(rest)


@given(bodies)
def test_something_is_held_back_wherever_there_are_two_paragraphs(body: list[Piece]) -> None:
    _preview, rest = split_at_cut(body)
    if kinds(pieces_of(body)).count("paragraph") >= 2:
        assert rest


@given(uncut)
def test_without_a_cut_never_more_than_three_paragraphs_are_shown(body: list[Piece]) -> None:
    preview, rest = split_at_cut(body)
    assert kinds(preview).count("paragraph") <= 3
    if kinds(pieces_of(body)).count("paragraph") >= 2:
        assert "paragraph" in kinds(preview)
        assert "paragraph" in kinds(rest)


@given(uncut, uncut)
def test_the_editors_cut_is_kept_wherever_text_follows_it(
    before: list[Piece], after: list[Piece]
) -> None:
    _preview, rest = split_at_cut([*before, Piece("cut", None), *after])
    if pieces_of(after):
        assert rest[-len(pieces_of(after)) :] == pieces_of(after)
        assert all(p.kind == "heading" for p in rest[: -len(pieces_of(after))])


@given(bodies)
def test_how_paragraphs_are_divided_into_blocks_changes_nothing(body: list[Piece]) -> None:
    assert split_at_cut(body) == split_at_cut(pieces_of(body))
