"""Draw the sample documents: `python -m training.synthesis --out samples`."""

import argparse
from pathlib import Path

from training.synthesis import samples


def main() -> None:
    """Draw the samples and list their files."""
    parser = argparse.ArgumentParser(prog="python -m training.synthesis", description="Draw the sample documents.")
    parser.add_argument("--out", type=Path, default=Path("samples"), help="folder to write to (default: samples)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other documents (default: 0)")
    arguments = parser.parse_args()
    for file in samples.write_samples(arguments.out, arguments.seed):
        print(f"{file.stat().st_size / 1000:8.1f} kB  {file}")


if __name__ == "__main__":
    main()
