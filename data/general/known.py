"""Files that people know from other benchmarks, of the source package of snappy (1.1.9).

Four texts of the Canterbury corpus and the files of snappy's own benchmark. None of them, and no
passage of the texts, is in the part that is trained on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.corpora import CorpusHashError
from data.general.archives import members

PACKAGE = "snappy"
HASHES = {
    "alice29.txt": "7467306ee0feed4971260f3c87421154a05be571d944e9cb021a5713700c38f0",
    "asyoulik.txt": "eaa3526fe53859f34ecdf255712f9ecf0b2c903451d4755b2edaa2e2599cb0fc",
    "lcet10.txt": "5314ba1dbb03f471df88bec6cd120a938ef60d0fd3511c5c1dce61bf7463245f",
    "plrabn12.txt": "07e2e0b461af78c7c647cb53dab39de560198e16f799b4516eccf0fbd69f764c",
    "html": "5912445a6d50df1079f022d7e01fa615f5d128d53bad88acbf4f49e62a7ea759",
    "urls.10K": "0319ce7fe1f51b14eace3de879fe7da15418d1525d3176c2b26c5985943a3cad",
    "geo.protodata": "7c2875cd6d06c954240ba644618d1e1f2a167e4541731f019de5b4c1f8080f24",
    "kppkn.gtb": "1df7e44e4ec9bad952e7716fbdba0a2208665091866ded43407d03ed9ce23c24",
    "paper-100k.pdf": "60f73a051b7ca35bfec44734b2eed7736cb5c0b7f728beb7b97ade6c5e44849b",
    "fireworks.jpeg": "93b986ce7d7e361f0d3840f9d531b5f40fb6ca8c14d6d74364150e255f126512",
}
"""SHA-256 of each file, which tells that it is the one that people know."""


def files(archive: Path) -> dict[str, bytes]:
    """The files by name, of the package's archive. Raises CorpusDamaged, CorpusHashError."""
    found = {
        Path(path).name: content
        for path, content in members(archive, lambda path: Path(path).name in HASHES)
    }
    for name, digest in HASHES.items():
        if hashlib.sha256(found.get(name, b"")).hexdigest() != digest:
            raise CorpusHashError(
                f"{archive} holds no {name} with SHA-256 {digest}: delete it and run the command "
                "again"
            )
    return {name: found[name] for name in HASHES}
