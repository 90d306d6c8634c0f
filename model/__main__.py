"""python -m model photo.jpg ... : the digit in each picture, for the shell."""

import argparse
import json
import sys

from model import Prediction, predict_image


def main(arguments: list[str] | None = None) -> int:
    """Read the pictures named on the command line; return 0, or 2 if any could not be read."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Read the handwritten digit in each picture.")
    parser.add_argument("picture", nargs="+", help="a picture that holds one digit")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args(arguments)
    status = 0
    for picture in options.picture:
        try:
            prediction = predict_image(picture)
        except (FileNotFoundError, ValueError) as error:
            status = 2
            answer, text = {"error": str(error)}, str(error)
        else:
            answer, text = prediction.as_dict(), _as_text(prediction)
        line = json.dumps({"file": picture, **answer}) if options.json else f"{picture}: {text}"
        print(line, file=sys.stderr if "error" in answer and not options.json else sys.stdout)
    return status


def _as_text(prediction: Prediction) -> str:
    if prediction.digit is None:
        return "no digit"
    rest = ", ".join(f"{digit} {share:.1%}" for digit, share in prediction.top(3)[1:])
    return f"{prediction.digit}  {prediction.confidence:.1%}  ({rest})"


if __name__ == "__main__":
    sys.exit(main())
