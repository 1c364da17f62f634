"""Writes the demo's list: ``python -m controller.demo.make_contacts > controller/demo/contacts.csv``. Always the same file.

5 000 rows of people who do not exist (numbers from the range that the North American plan keeps for fiction, 555-0100 to
555-0199, in fifty area codes), among them deliberate mistakes: duplicates in several spellings, letters, too few digits,
empty cells. The header's other columns become variables of the call.
"""

from __future__ import annotations

import csv
import sys
from random import Random

ROWS = 5_000
BAD_EVERY = 50
AREA_CODES = [
    "201",
    "202",
    "203",
    "205",
    "206",
    "207",
    "208",
    "209",
    "210",
    "212",
    "213",
    "214",
    "215",
    "216",
    "217",
    "218",
    "219",
    "224",
    "225",
    "228",
    "229",
    "231",
    "234",
    "239",
    "240",
    "248",
    "251",
    "252",
    "253",
    "254",
    "256",
    "260",
    "262",
    "267",
    "269",
    "270",
    "276",
    "281",
    "301",
    "302",
    "303",
    "304",
    "305",
    "307",
    "308",
    "309",
    "310",
    "312",
    "313",
    "314",
]
FIRST_NAMES = ("Asha", "Ben", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Günther", "Hana", "Iñigo", "José", "Kofi", "Łucja")
LAST_NAMES = ("Okafor", "O'Brien", "Nguyễn", "García", "Smith", "Müller", "Rossi", "Tanaka", "Singh", "Haddad")
BAD = ("", "not a number", "12345", "+1 212 555", "0000000000", "+999 1234567", "212-555-01AB")


def rows() -> list[tuple[str, str, str, str]]:
    """(phone_number, CUSTOMERNAME, due_amount, loan_bucket) in file order."""
    chance = Random("trunkline demo")
    numbers = [f"{area}555{tail:04d}" for area in AREA_CODES for tail in range(100, 200)]
    chance.shuffle(numbers)
    written: list[str] = []
    found = []
    for index in range(ROWS):
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}"
        if index % BAD_EVERY == BAD_EVERY - 1:
            phone = chance.choice(BAD)
        elif index % BAD_EVERY == BAD_EVERY // 2:
            phone = _other_spelling(chance.choice(written), chance)
        else:
            written.append(numbers.pop())
            phone = "+1" + written[-1]
        found.append((phone, name, str(chance.randrange(500, 90_000)), chance.choice(("PRE-DUE", "NPA-30", "NPA-60"))))
    return found


def _other_spelling(digits: str, chance: Random) -> str:
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return chance.choice((f"({area}) {exchange}-{line}", f"1{digits}", f"{area}.{exchange}.{line}"))


def main() -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("phone_number", "CUSTOMERNAME", "due_amount", "loan_bucket"))
    out.writerows(rows())


if __name__ == "__main__":
    main()
