"""python -m model photo.jpg ... : the digits on each picture, for the shell."""

import argparse
import json
import sys

from model import Recognizer
from model.annotate import annotated
from model.pictures import upright


def main(arguments: list[str] | None = None) -> int:
    """Read the pictures named on the command line; return 0, or 2 if any could not be read."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Read the handwritten digits on each picture.")
    parser.add_argument("picture", nargs="+", help="a picture of a digit, a number or a page of numbers")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, with a box for each digit")
    parser.add_argument("--annotate", metavar="FILE", help="draw the boxes and digits into a copy of the picture")
    options = parser.parse_args(arguments)
    if options.annotate and len(options.picture) > 1:
        parser.error("--annotate takes one picture")
    recognizer = Recognizer.load()
    status = 0
    for picture in options.picture:
        try:
            page = recognizer.read_page(picture)
            if options.annotate:
                annotated(upright(picture), page).save(options.annotate)
        except (OSError, ValueError) as error:
            status = 2
            answer, text = {"error": str(error)}, f"{picture}: {error}"
        else:
            answer, text = page.as_dict(), page.text or f"{picture}: no digits"
            if len(options.picture) > 1 and page.text:
                text = f"{picture}: {' / '.join(page.text.splitlines())}"
        line = json.dumps({"file": picture, **answer}) if options.json else text
        print(line, file=sys.stderr if "error" in answer and not options.json else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())
