#!/usr/bin/env bash
# `make crash`: the store survives being killed, damaged, and a full disk.
#
#   CRASH_ROUNDS=500        writers that are killed
#   CRASH_SEED=1            seed of the moments at which they die; a failure prints it
#   CRASH_FOLDER_ROUNDS=50  writers that die in one folder before the next is begun
#   CRASH_LOG_BYTES=1G      length of the log of large rows that a start is timed with; small ones: a 16th of it; 0: none
#
#   scripts/crash.sh --disk-full   only the full disks (root)
#
# Prints dated facts, kept in docs/durability.md. Exit 1 at the first thing that is wrong; the folder stays then.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${CRASH_ROUNDS:-500} seed=${CRASH_SEED:-1} per_folder=${CRASH_FOLDER_ROUNDS:-50}
log_bytes=$(numfmt --from=iec "${CRASH_LOG_BYTES:-1G}")

cargo build --release --quiet --package arachne-store-parquet --features crash-points --example crash_writer
work=$(mktemp -d)
# A copy: a build meanwhile does not change what dies.
cp "${CARGO_TARGET_DIR:-target}/release/examples/crash_writer" "$work/crash_writer"
mounted=
clean() {
  local code=$?
  if [ -n "$mounted" ]; then umount "$mounted" || true; fi
  if [ $code = 0 ]; then rm -rf "$work"; else echo "FAILED; what is there stays in $work" >&2; fi
}
trap clean EXIT

echo "date $(date -u +%Y-%m-%d), commit $(git rev-parse --short HEAD), $(nproc) cores, $(uname -rm)"

# A small file system that nobody else uses; the options are those of mkfs.
disk_full() {
  local fill=$1
  shift
  truncate -s 64M "$work/image"
  mkfs.ext4 -q -F "$@" "$work/image"
  mkdir -p "$work/full"
  mount -o loop "$work/image" "$work/full"
  mounted=$work/full
  "$work/crash_writer" full "$mounted" "$fill"
  umount "$mounted"
  mounted=
}

disks_full() {
  if [ "$(id -u)" != 0 ] || ! command -v mkfs.ext4 >/dev/null || ! losetup --find >/dev/null 2>&1; then
    echo "skipped: full disks need root, mkfs.ext4 and loop devices" >&2
    return
  fi
  disk_full bytes -m 0
  disk_full inodes -m 0 -N 512
}

if [ "${1:-}" = --disk-full ]; then
  disks_full
  exit
fi

mkdir "$work/rounds"
"$work/crash_writer" rounds "$work/rounds" "$rounds" "$seed" "$per_folder"
if [ "$log_bytes" -gt 0 ]; then
  "$work/crash_writer" log "$work/large" "$log_bytes" large
  "$work/crash_writer" log "$work/small" $((log_bytes / 16)) small
fi
disks_full

# Every bit of every byte's kind: each byte of a small store flipped, and each file cut at each length.
ARACHNE_ALL_FLIPS=1 cargo test --release --quiet --package arachne-store-parquet --lib -- flips::
echo "flips and cuts: all of a small store, nothing wrong is served"
