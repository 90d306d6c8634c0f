"""Format the results of `model.evaluation.evaluate` as Markdown tables."""

from model.evaluation.adaptation import ARBITRARY, CORRECTIONS
from model.evaluation.nuisances import SHEETS, STRENGTHS


def as_table(results: dict[str, dict]) -> str:
    """Format {network: result of `measure`} as a Markdown table in %, one row per set, one column per network."""
    rows = [["", "n", *results]]
    first = next(iter(results.values()))
    for name in (of for of, m in first.items() if m is None or "n" in m):  # the others have tables of their own
        measures = [result[name] for result in results.values()]
        if measures[0] is None:
            rows.append([name, "absent", *[""] * len(results)])
        elif name == "letters":
            n = f"{measures[0]['n']:,}"
            rows.append(["digits vs letters, AUROC", n, *(f"{m['auroc']:.4f}" for m in measures)])
            for at in measures[0]["refused"]:
                cells = (m["refused"][at] for m in measures)
                cells = (f"{100 * c['refused']:.1f} ({100 * c['kept']:.1f}% of stroke digits kept)" for c in cells)
                rows.append([f"letters rejected {at}", n, *cells])
        else:
            shares = ((m["accuracy"], *m["interval"], 1 - m["kept"]) for m in measures)
            cells = ("{:.2f} ({:.2f}-{:.2f}), {:.2f}".format(*(100 * v for v in some)) for some in shares)
            rows.append([f"{name}, accuracy, rejected", f"{measures[0]['n']:,}", *cells])
    if first["strokes"]:
        errors = (f"{100 * result['strokes']['calibration_error']:.2f}" for result in results.values())
        rows.append(["accepted strokes, calibration error", f"at most {first['strokes']['n']:,}", *errors])
    return as_markdown(rows)


def tables_of(name: str, result: dict) -> list[str]:
    """Format what else was measured of one network: its pages, scenes, distortions and corrections."""
    parts = {"pages": as_page_table, "scenes": as_scene_table, "nuisances": as_nuisance_table}
    parts["learning"] = as_learning_table
    return [table(result[part], name) for part, table in parts.items() if result.get(part)]


def as_page_table(result: dict[str, dict], network: str) -> str:
    """Format the result of `measure_pages` as a Markdown table, in %."""
    shown = "exact", "lines", "characters", "read as one character", "pictures with extra characters"
    rows = [["read as pages", "n", "network", *shown, "calibration error of the numbers"]]
    for name, m in result.items():
        percentages = (f"{100 * m[part]:.1f}" for part in ("exact", "lines", "characters", "one"))
        error = f"{100 * m['calibration_error']:.1f}"
        rows.append([name, f"{m['n']:,}", network, *percentages, str(m["extra"]), error])
    return as_markdown(rows)


def as_scene_table(results: dict[str, dict], _: str) -> str:
    """Format {set: result of `compare_digits`} as a Markdown table, in %, digits and ms."""
    shown = "exact", "characters", "found", "false digits per picture", "no digit read", "ms, median", "slowest"
    rows = [["scenes", "n", *shown]]
    for name, m in results.items():
        percentages = [f"{100 * m[of]:.1f}" if of in m else "" for of in ("exact", "characters", "found")]
        invented = f"{m.get('invented', m['said']):.2f}"
        silent = "" if "exact" in m else f"{100 * m['silent']:.1f}"
        rows.append([name, str(m["n"]), *percentages, invented, silent, f"{m['ms']:.0f}", f"{m['slowest']:.0f}"])
    return as_markdown(rows) + f"\n\nTimes with {m['cpu']}."


def as_learning_table(m: dict, network: str) -> str:
    """Format the result of `measure_learning` as a Markdown table in %: errors before -> after."""
    rows = [[f"errors on {m['digits']:,} digits by {m['writers']} writers", network]]
    steps = {f"correcting {k} misread": k for k in CORRECTIONS} | {f"correcting any {ARBITRARY}": "any"}
    for words, k in steps.items():
        cell = f"{100 * m[f'before_{k}']:.2f} -> {100 * m[f'after_{k}']:.2f}"
        rows.append([f"error on a writer's remaining digits, before -> after {words}", cell])
    rows.append(["repeats of a corrected mistake, now read correctly", f"{m['fixed']} of {m['same']}"])
    for words, part in (("accuracy on other writers' digits", "others"), ("letters rejected", "refused")):
        rows.append([f"{words}, mean and worst change", f"{100 * m[part]:+.3f}, {100 * m[f'{part}_worst']:+.3f}"])
    return as_markdown(rows)


def as_nuisance_table(results: dict[str, list[float]], _: str) -> str:
    """Format the result of `measure_nuisances` as a Markdown table in %: rows are nuisances, columns strengths."""
    rows = [[f"characters read correctly on {SHEETS} sheets, by distortion strength", *map(str, STRENGTHS)]]
    rows += [[name, *(f"{100 * fraction:.1f}" for fraction in fractions)] for name, fractions in results.items()]
    return as_markdown(rows)


def as_rival_table(results: dict[str, dict]) -> str:
    """Format {reader: result of `measure`} as a Markdown table, in %."""
    rows = [["% correct", "n", *results]]
    for words, (n, _) in next(iter(results.values())).items():
        rows.append([words, str(n), *(f"{100 * result[words][1]:.0f}" for result in results.values())])
    return as_markdown(rows)


def as_markdown(rows: list[list[str]]) -> str:
    """Format rows as a Markdown table; the first row is the header."""
    header, *more = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *more))
