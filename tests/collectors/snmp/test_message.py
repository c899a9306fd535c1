"""The SNMP codec against pysnmp: equal on what agents write, and on mutated datagrams never more credulous."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.snmp.ber import BerError, Oid, encode_oid, oid, oid_content
from collectors.snmp.message import GET, GET_BULK, GET_NEXT, Response, request, response
from tests.collectors.snmp import oracle
from tests.collectors.snmp.packets import OIDS, SYS, mutated, packet, samples

MUTATIONS = int(os.environ.get("HANDOVER_SNMP_MUTATIONS", "12000"))

NAMES = tuple(map(oid_content, OIDS))


def same(ours: Response, theirs: oracle.Read) -> bool:
    return (
        ours.version,
        ours.community,
        ours.request_id,
        ours.error_status,
        ours.error_index,
        tuple((b.oid, b.value) for b in ours.bindings),
    ) == (
        theirs.version,
        theirs.community,
        theirs.request_id,
        theirs.error_status,
        theirs.error_index,
        theirs.bindings,
    )


def test_what_agents_write_is_read_as_pysnmp_reads_it() -> None:
    read = 0
    for data in samples():
        assert same(response(data), oracle.read(data))
        read += 1
    assert read > 100


def test_what_pysnmp_rejects_is_never_accepted() -> None:
    dice = random.Random(4711)
    ground = [s for s in samples() if len(s) < 400]
    taken = refused = 0
    for _ in range(MUTATIONS):
        data = mutated(dice.choice(ground), dice)
        try:
            ours = response(data)
        except BerError:
            refused += 1
            continue
        taken += 1
        theirs = oracle.read(data)
        assert same(ours, theirs), data.hex()
    # A mutation that leaves a valid message must be common, or this shows nothing.
    assert taken > MUTATIONS // 20 and refused > MUTATIONS // 4


@settings(max_examples=2000)
@given(st.binary(max_size=300))
def test_noise_is_refused_with_our_own_error(data: bytes) -> None:
    with pytest.raises(BerError):
        response(data)


@settings(max_examples=300)
@given(
    st.tuples(st.integers(0, 2), st.integers(0, 39)),
    st.lists(st.integers(0, 2**32 - 1), max_size=126),
)
def test_object_identifiers_survive(head: tuple[int, int], rest: list[int]) -> None:
    whole: Oid = (*head, *rest)
    assert oid(oid_content(whole)) == whole


@pytest.mark.parametrize(
    "wrong", [(), (1,), (3, 1), (1, 40), (1, 3, -1), (1, 3, 2**32), (1, 3, *range(127))]
)
def test_what_is_no_object_identifier(wrong: Oid) -> None:
    with pytest.raises(BerError):
        encode_oid(wrong)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("pdu", [GET, GET_NEXT, GET_BULK])
def test_pysnmp_reads_our_requests(version: int, pdu: int) -> None:
    from pyasn1.codec.ber import decoder
    from pysnmp.proto import api

    if version == 0 and pdu == GET_BULK:
        with pytest.raises(ValueError, match="ever sent"):
            request(0, b"c", 1, NAMES, pdu=pdu)
        return
    data = request(1 if version else 0, b"c", 99, NAMES, pdu=pdu, repetitions=25)
    proto = api.PROTOCOL_MODULES[version]
    message, rest = decoder.decode(data, asn1Spec=proto.Message())
    assert not rest
    got = proto.apiMessage.get_pdu(message)
    if pdu == GET_BULK:
        assert proto.apiBulkPDU.get_non_repeaters(got) == 0
        assert proto.apiBulkPDU.get_max_repetitions(got) == 25
    assert int(proto.apiPDU.get_request_id(got)) == 99
    assert [tuple(name) for name, _ in proto.apiPDU.get_varbinds(got)] == list(OIDS)
    kinds = {GET: "GetRequestPDU", GET_NEXT: "GetNextRequestPDU", GET_BULK: "GetBulkRequestPDU"}
    assert type(got).__name__ == kinds[pdu]


def test_nothing_but_questions_can_be_written() -> None:
    for pdu in (0xA2, 0xA3, 0xA4, 0xA6, 0xA7):
        with pytest.raises(ValueError, match="ever sent"):
            request(1, b"c", 1, (oid_content(SYS),), pdu=pdu)


def test_a_request_is_no_response() -> None:
    with pytest.raises(BerError, match="tag"):
        response(request(1, b"c", 1, (oid_content(SYS),)))


def test_the_community_is_not_printed() -> None:
    assert "s3cret" not in repr(response(packet(1, [])))
