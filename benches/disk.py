"""A file system with a journal, which is what a sync goes through on most servers.

Images of virtual machines are often ext4 without one. A sync of a file that grows is then little but the bytes; with a journal it is a
commit as well, so that the two are different measurements. This one is ext4 as its tools make it, in a file behind a loop device that
goes past the page cache. The file is written beforehand, or the file system below would have to note what of it is in use at each sync.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile

IMAGE_MIB = 2048


def _run(*command):
    """What a command says; if it fails, or there is none, an `OSError` with what it says about that."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        raise OSError(f"{command[0]}: {result.stderr.strip()}")
    return result.stdout.strip()


@contextlib.contextmanager
def journaled():
    """Meanwhile there is such a file system. Yields a directory on it, or None where it can't be made, which takes root."""
    with contextlib.ExitStack() as stack:
        try:
            directory = _mounted(stack)
        except OSError as error:
            print(f"warning: no file system with a journal: {error}", flush=True)
            directory = None
        yield directory


def _mounted(stack):
    parent = tempfile.mkdtemp(prefix="ochre-bench-disk-")
    stack.callback(shutil.rmtree, parent, ignore_errors=True)
    image, directory = os.path.join(parent, "image"), os.path.join(parent, "mounted")
    with open(image, "wb") as file:
        for _ in range(IMAGE_MIB):
            file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    device = _run("losetup", "--find", "--show", "--direct-io=on", image)
    stack.callback(_run, "losetup", "--detach", device)
    _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", device)
    os.mkdir(directory)
    _run("mount", device, directory)
    stack.callback(_run, "umount", directory)
    return directory
