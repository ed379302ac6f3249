"""Numbers of registers: written as the register writes them, or refused with what is wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.registers import REGISTERS, NumberError, Register, entry, first_of, identifier, read


@pytest.mark.parametrize(
    ("register", "typed", "number", "org_id"),
    [
        (Register.CHARITY, "1098765", "1098765", "GB-CHC-1098765"),
        (Register.CHARITY, " 200 051 ", "200051", "GB-CHC-200051"),
        (Register.CHARITY, "1098765-1", "1098765-1", "GB-CHC-1098765-1"),
        (Register.CHARITY, "1098765 – 12", "1098765-12", "GB-CHC-1098765-12"),
        (Register.CHARITY, "sc 012345", "SC012345", "GB-SC-SC012345"),
        (Register.CHARITY, "SC12345", "SC012345", "GB-SC-SC012345"),
        (Register.CHARITY, "nic 100012", "NIC100012", "GB-NIC-100012"),
        (Register.COMPANY, "08407369", "08407369", "GB-COH-08407369"),
        (Register.COMPANY, "8407369", "08407369", "GB-COH-08407369"),
        (Register.COMPANY, "6", "00000006", "GB-COH-00000006"),
        (Register.COMPANY, "sc234456", "SC234456", "GB-COH-SC234456"),
        (Register.COMPANY, "NI 12345", "NI012345", "GB-COH-NI012345"),
        (Register.COMPANY, "OC300001", "OC300001", "GB-COH-OC300001"),
        (Register.COMPANY, "R0000123", "R0000123", "GB-COH-R0000123"),
        (Register.COMPANY, "IP12345R", "IP12345R", "GB-COH-IP12345R"),
        (Register.NHS, "rr8", "RR8", "GB-NHS-RR8"),
        (Register.NHS, "A81001", "A81001", "GB-NHS-A81001"),
        (Register.NHS, "K81003001", "K81003001", "GB-NHS-K81003001"),
        (Register.UKPRN, "1000 7774", "10007774", "GB-UKPRN-10007774"),
        (Register.NONE, "  ", "", ""),
    ],
)
def test_a_number_is_written_as_its_register_writes_it(
    register: Register, typed: str, number: str, org_id: str
) -> None:
    assert (read(register, typed), identifier(register, number)) == (number, org_id)
    assert read(register, number) == number
    if org_id:
        assert first_of([org_id]) == (register, number)


@pytest.mark.parametrize(
    ("register", "typed"),
    [
        (Register.CHARITY, "12345"),
        (Register.CHARITY, "12345678"),
        (Register.CHARITY, "0123456"),
        (Register.CHARITY, "1098765-0"),
        (Register.CHARITY, "SC123456"),
        (Register.CHARITY, "SC0123456"),
        (Register.CHARITY, "NIC200012"),
        (Register.CHARITY, "NIC10001"),
        (Register.CHARITY, "١٢٣٤٥٦٧"),
        (Register.COMPANY, "123456789"),
        (Register.COMPANY, "00000000"),
        (Register.COMPANY, "XX123456"),
        (Register.COMPANY, "SC1234567"),
        (Register.COMPANY, "R1000123"),
        (Register.NHS, "R8"),
        (Register.NHS, "K810030012"),
        (Register.NHS, "RR-8"),
        (Register.UKPRN, "20007774"),
        (Register.UKPRN, "1000777"),
        (Register.UKPRN, "100077744"),
        (Register.NONE, "1098765"),
        (Register.UNKNOWN, "1098765"),
    ],
)
def test_what_is_no_such_number_is_named_with_what_is_wanted(register: Register, typed: str) -> None:
    with pytest.raises(NumberError) as refused:
        read(register, f" {typed}  ")
    assert f"“{typed}” is" in str(refused.value)
    if REGISTERS[register].number:
        assert str(refused.value).endswith(f"that is {REGISTERS[register].wanted}.")


@pytest.mark.parametrize("register", [one for one in Register if REGISTERS[one].number])
def test_an_empty_number_is_asked_for(register: Register) -> None:
    with pytest.raises(NumberError, match=r"^Give its "):
        read(register, " ")


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(NumberError) as refused:
        read(Register.UKPRN, "x" * 5000)
    assert len(str(refused.value)) < 120


def test_the_first_identifier_that_names_a_number_counts() -> None:
    every = ("made-up", "GB-CHC-nonsense", "XI-GRID-1", "gb-coh-123", "GB-CHC-1098765")
    assert first_of(every) == (Register.COMPANY, "00000123")
    assert first_of(()) == first_of(("GB-NIC-NIC", "GB-EDU-133808")) == (Register.UNKNOWN, "")


@given(st.sampled_from(Register), st.text(max_size=12) | st.from_regex(r"[A-Z]{0,3}\d{3,9}", fullmatch=True))
def test_what_is_read_once_is_read_the_same_again(register: Register, typed: str) -> None:
    try:
        number = read(register, typed)
    except NumberError:
        return
    assert read(register, number) == number
    if number:
        assert first_of([identifier(register, number)]) == (register, number)


@pytest.mark.parametrize(
    ("register", "number", "address"),
    [
        (
            Register.CHARITY,
            "1098765",
            "https://register-of-charities.charitycommission.gov.uk/charity-details/?regid=1098765&subid=0",
        ),
        (
            Register.CHARITY,
            "200051-2",
            "https://register-of-charities.charitycommission.gov.uk/charity-details/?regid=200051&subid=2",
        ),
        (
            Register.CHARITY,
            "SC012345",
            "https://www.oscr.org.uk/about-charities/search-the-register/charity-details?number=SC012345",
        ),
        (
            Register.CHARITY,
            "NIC100012",
            "https://www.charitycommissionni.org.uk/charity-details/?regId=100012&subId=0",
        ),
        (Register.COMPANY, "08407369", "https://find-and-update.company-information.service.gov.uk/company/08407369"),
        (Register.NHS, "RR8", ""),
        (Register.UKPRN, "10007774", ""),
        (Register.NONE, "", ""),
        (Register.UNKNOWN, "", ""),
    ],
)
def test_a_number_leads_to_its_own_entry_where_that_has_an_address(
    register: Register, number: str, address: str
) -> None:
    assert entry(register, number) == address
