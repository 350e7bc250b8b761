import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.framing import FRAME_SIZE_MAX, JsonSplitter, answer_frame, frame, next_answer, read_frame

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
containers = st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3)


@given(
    documents=st.lists(containers, min_size=1, max_size=4),
    gap=st.sampled_from(["", "\n", " \r\n\t"]),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    cuts=st.lists(st.integers(0, 2_000), max_size=6),
)
def test_finds_the_values_however_the_stream_is_cut(
    documents: list[object], gap: str, indent: int | None, ascii_only: bool, cuts: list[int]
) -> None:
    texts = [json.dumps(document, indent=indent, ensure_ascii=ascii_only) for document in documents]
    stream = gap.join(texts).encode(errors="surrogatepass")
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter = JsonSplitter(1_000_000)
    found = [value for start, end in itertools.pairwise(edges) for value in splitter.feed(stream[start:end])]
    assert found == [text.encode(errors="surrogatepass") for text in texts]


@given(containers.map(lambda document: json.dumps(document).encode()))
def test_finds_a_value_fed_byte_by_byte(text: bytes) -> None:
    splitter = JsonSplitter(1_000_000)
    found = [value for index in range(len(text)) for value in splitter.feed(text[index : index + 1])]
    assert found == [text]


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n", b"}", b"7", b'"text"', b"{} x"])
def test_refuses_what_opens_no_value(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="expected a JSON object or array"):
        JsonSplitter(1_000).feed(garbage)


def test_refuses_a_value_that_never_ends() -> None:
    splitter = JsonSplitter(1_000)
    splitter.feed(b'["')
    with pytest.raises(ValueError, match="at most 1000 bytes"):
        splitter.feed(b"x" * 1_000)


def _read(*chunks: bytes) -> list[bytes | None]:
    async def frames() -> list[bytes | None]:
        reader = asyncio.StreamReader()
        for chunk in chunks:
            reader.feed_data(chunk)
        reader.feed_eof()
        found = [await read_frame(reader)]
        while found[-1] is not None:
            found.append(await read_frame(reader))
        return found

    return asyncio.run(frames())


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_frames_survive_the_stream(payloads: list[bytes]) -> None:
    assert _read(b"".join(map(frame, payloads))) == [*payloads, None]


def test_a_torn_or_huge_frame_ends_the_stream() -> None:
    assert _read(frame(b"whole"), frame(b"torn")[:-1]) == [b"whole", None]
    assert _read((FRAME_SIZE_MAX + 1).to_bytes(4, "big"), b"x") == [None]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=40)), max_size=5), st.integers(1, 30))
def test_answers_are_taken_out_of_the_stream_however_it_is_cut(answers: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(answer_frame(generation, payload) for generation, payload in answers)
    received, taken = bytearray(), []
    for start in range(0, len(stream), size):
        received += stream[start : start + size]
        while (answer := next_answer(received)) is not None:
            taken.append(answer)
    assert taken == answers
    assert not received


@pytest.mark.parametrize("length", [0, 7, FRAME_SIZE_MAX + 1, 2**32 - 1])
def test_what_is_no_answer_is_refused_by_its_length(length: int) -> None:
    with pytest.raises(ValueError, match="no answer"):
        next_answer(bytearray(length.to_bytes(4, "big")))
    assert next_answer(bytearray(FRAME_SIZE_MAX.to_bytes(4, "big"))) is None
