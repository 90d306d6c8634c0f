"""python -m model photo.jpg ... : print the digits in each picture, for the shell."""

import argparse
import json
import os
import sys
from pathlib import Path

from model import Recognizer
from model.annotate import annotated
from model.images import upright


def main(arguments: list[str] | None = None) -> int:
    """Read the pictures named on the command line; return 0, 1 on a closed output pipe, 2 on any failure."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Read the handwritten digits in each picture.")
    parser.add_argument("picture", nargs="+", help="a picture of a digit, a number or a page of numbers")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per picture, with a box for each digit"
    )
    parser.add_argument("--annotate", metavar="FILE", help="draw the boxes and digits on a copy of the picture")
    parser.add_argument(
        "--corrections", type=Path, metavar="DIR", help="adapt to the corrections that the web page saved in DIR"
    )
    options = parser.parse_args(arguments)
    if options.annotate and len(options.picture) > 1:
        parser.error("--annotate takes one picture")
    try:
        recognizer = Recognizer.load(corrections=options.corrections)
    except (FileNotFoundError, ValueError) as error:
        print(f"python -m model: {error}", file=sys.stderr)
        return 2
    try:
        return max([read(recognizer, picture, options) for picture in options.picture])
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader closed the pipe, as `| head` does
            return 1
        print(f"python -m model: cannot write the answer: {error.strerror}", file=sys.stderr)
        return 2


def read(recognizer: Recognizer, picture: str, options: argparse.Namespace) -> int:
    """Print the digits in a picture and, if requested, save an annotated copy; return 0, or 2 if either fails."""
    try:
        page = recognizer.read_page(picture)
    except (FileNotFoundError, ValueError) as error:
        answer = json.dumps({"file": picture, "error": str(error)}) if options.json else f"{picture}: {error}"
        print(answer, file=sys.stdout if options.json else sys.stderr, flush=True)
        return 2
    if options.json:
        print(json.dumps({"file": picture, **page.as_dict()}), flush=True)
    elif len(options.picture) > 1 or not page.text:
        print(f"{picture}: {' / '.join(page.text.splitlines()) or 'no digits'}", flush=True)
    else:
        print(page.text, flush=True)
    if options.annotate:
        try:
            annotated(upright(picture), page).save(options.annotate)
        except (OSError, ValueError, KeyError) as error:  # KeyError: a format that Pillow knows but cannot write
            reason = "unknown file extension" if isinstance(error, KeyError) else error
            print(f"{options.annotate}: cannot write this picture: {reason}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    for stream in filter(None, (sys.stdout, sys.stderr)):  # file names may hold letters they cannot encode
        stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
