"""Numbers of goods, parcels, books, invoices and payments."""

import random

from tests.corpus.identifiers import Kinds, any_digits, digits


def ean_check(body: str) -> str:
    weighted = sum(int(digit) * (3 - 2 * (place % 2)) for place, digit in enumerate(reversed(body)))
    return str(-weighted % 10)


def ean13(chance: random.Random) -> str:
    body = chance.choice(["40", "42", "43", "50", "30", "36", "76", "87", "00"]) + any_digits(chance, 10)
    return body + ean_check(body)


def ean13_spaced(chance: random.Random) -> str:
    text = ean13(chance)
    return chance.choice([f"{text[0]} {text[1:7]} {text[7:]}", f"{text[:3]}-{text[3:7]}-{text[7:12]}-{text[12]}"])


def upc(chance: random.Random) -> str:
    body = any_digits(chance, 11)
    return body + ean_check(body)


def gtin14(chance: random.Random) -> str:
    body = chance.choice("0123") + any_digits(chance, 12)
    return body + ean_check(body)


def sscc(chance: random.Random) -> str:
    body = chance.choice("0134") + any_digits(chance, 16)
    return chance.choice(["", "00", "(00)"]) + body + ean_check(body)


def isbn13(chance: random.Random) -> str:
    body = chance.choice(["978", "979"]) + any_digits(chance, 9)
    text = body + ean_check(body)
    mark = chance.choice(["", "-", "-", " "])
    return mark.join([text[:3], text[3], text[4:8], text[8:12], text[12]])


def ups(chance: random.Random) -> str:
    return "1Z" + "".join(chance.choices("0123456789ABCEFRWXY", k=6)) + any_digits(chance, 10)


def fedex(chance: random.Random) -> str:
    text = digits(chance, chance.choice([12, 12, 15, 20]))
    return text if chance.random() < 0.6 else " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def usps(chance: random.Random) -> str:
    text = chance.choice(["9400", "9205", "9407", "9303", "9270", "420902109400"]) + any_digits(chance, 18)
    return text if chance.random() < 0.5 else " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def dhl(chance: random.Random) -> str:
    return chance.choice(
        [digits(chance, 10), "JD01" + any_digits(chance, 16), "JJD" + any_digits(chance, 18), digits(chance, 12)]
    )


def rrn(chance: random.Random) -> str:
    return f"{chance.randint(0, 9)}{chance.randint(1, 366):03}{chance.randint(0, 23):02}{any_digits(chance, 6)}"


def arn(chance: random.Random) -> str:
    return chance.choice("27") + any_digits(chance, 22)


def invoice(chance: random.Random) -> str:
    return chance.choice(
        [
            f"INV-{chance.randint(2020, 2027)}-{any_digits(chance, 10)}",
            f"RF{any_digits(chance, 2)} {any_digits(chance, 4)} {any_digits(chance, 4)} {any_digits(chance, 4)}",
            f"{any_digits(chance, 4)}-{any_digits(chance, 8)}-{any_digits(chance, 4)}",
            f"PO{any_digits(chance, 14)}",
            f"E2E{any_digits(chance, 16)}",
        ]
    )


def barcode_list(chance: random.Random) -> str:
    return chance.choice([" ", "\n", ","]).join(ean13(chance) for _ in range(3))


def masked(chance: random.Random) -> str:
    first, last = any_digits(chance, 6), any_digits(chance, 4)
    return chance.choice(
        [
            f"{first}******{last}",
            f"**** **** **** {last}",
            f"XXXX-XXXX-XXXX-{last}",
            f"{first}XXXXXX{last}",
            f"ending in {last}",
        ]
    )


STRINGS: Kinds = {
    "ean-13": (ean13, "ean gtin barcode ean13 sku", "EAN {}|article {}"),
    "ean-13-spaced": (ean13_spaced, "ean barcode", "EAN {}"),
    "upc": (upc, "upc barcode gtin", "UPC {}"),
    "gtin-14": (gtin14, "gtin gtin14 case", "GTIN {}"),
    "sscc": (sscc, "sscc pallet", "SSCC {}"),
    "isbn-13": (isbn13, "isbn isbn13 book", "ISBN {}"),
    "ups": (ups, "tracking tracking_number trackingNo", "UPS {}|tracking {}"),
    "fedex": (fedex, "tracking tracking_number fedexTracking", "FedEx {}|tracking number {}"),
    "usps": (usps, "tracking tracking_number uspsTracking", "USPS {}|tracking {}"),
    "dhl": (dhl, "tracking shipment waybill", "DHL {}|shipment {}"),
    "rrn": (rrn, "rrn retrieval_reference_number RRN", "RRN {}"),
    "arn": (arn, "arn acquirer_reference", "ARN {}"),
    "invoice": (invoice, "invoice reference end_to_end_id", "invoice {}"),
    "barcodes": (barcode_list, "eans items", "articles {}"),
    "masked-pan": (masked, "card masked_pan", "card {}"),
}
NUMBERS: Kinds = {
    "ean-13-integer": (lambda chance: ean13(chance).lstrip("0"), "ean gtin barcode", ""),
    "fedex-integer": (lambda chance: digits(chance, chance.choice([12, 15])), "tracking tracking_number", ""),
    "rrn-integer": (lambda chance: rrn(chance).lstrip("0"), "rrn", ""),
}
