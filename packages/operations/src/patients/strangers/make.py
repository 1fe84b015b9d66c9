"""Makes the files of this folder with Python's csv module: python3 make.py. Not a part of any test run."""
import csv
import io
import pathlib

HERE = pathlib.Path(__file__).parent
HEADER = ["mrn", "emr_patient_id", "note"]
# The second note holds text that reads as a record when its line breaks are taken for the ends of records.
ROWS = [
    ["MRN-1", "pat-1", "plain"],
    ["MRN-2", "pat-2", "called twice\nMRN-1,pat-evil,x\nMRN-3,pat-evil,x"],
    ["MRN-3", "pat-3", 'said "no", then left'],
    ["MRN-4", "pat-4", "a;b\tc\rMRN-1,pat-evil,x"],
    ["MRN-Ü5", "pat-5", "Zoë Müller"],
]


def text(**format):
    out = io.StringIO(newline="")
    writer = csv.writer(out, **format)
    writer.writerows([HEADER, *ROWS])
    return out.getvalue()


def put(name, content):
    (HERE / name).write_bytes(content)


put("excel.csv", text(dialect="excel").encode("utf-8"))
put("excel-bom.csv", text(dialect="excel").encode("utf-8-sig"))
put("excel-tab.csv", text(dialect="excel-tab").encode("utf-8"))
put("unix.csv", text(dialect="unix").encode("utf-8"))
put("semicolon.csv", text(delimiter=";").encode("utf-8"))
put("all-quoted-cr.csv", text(lineterminator="\r", quoting=csv.QUOTE_ALL).encode("utf-8"))
put("utf-16.csv", text(dialect="excel-tab").encode("utf-16"))
put("utf-16-be.csv", b"\xfe\xff" + text(dialect="excel").encode("utf-16-be"))
# Refused: no byte order mark; another encoding; quotation marks that are escaped otherwise, or not at all.
put("utf-16-no-mark.csv", text(dialect="excel").encode("utf-16-le"))
put("windows-1252.csv", text(dialect="excel").encode("cp1252"))
put("backslash.csv", text(doublequote=False, escapechar="\\").encode("utf-8"))
put("no-quotes.csv", text(quoting=csv.QUOTE_NONE, escapechar="\\", quotechar=None).encode("utf-8"))
