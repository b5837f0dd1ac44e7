#!/bin/sh
# Builds the agent as one static file, and as a Debian package where cargo-deb is installed.
#
#   scripts/package-agent.sh [FOLDER]        default folder: target/package
#
# Static means the C library too: the agent asks for names itself and uses nothing of the host but its kernel.
set -eu
cd "$(dirname "$0")/.."
out=${1:-target/package}
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-target}

# With a target named, the flags leave build scripts and procedural macros alone, which cannot be static.
RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --profile agent --target "$host" -p arachne-agent --bin arachne-agent
mkdir -p "$out"
cp "$target/$host/agent/arachne-agent" "$out/arachne-agent"

if ldd "$out/arachne-agent" 2>&1 | grep -q '=>'; then
    echo "package-agent: $out/arachne-agent needs libraries, it should not" >&2
    exit 1
fi
bytes=$(wc -c <"$out/arachne-agent")
if [ "$bytes" -gt 15000000 ]; then
    echo "package-agent: $out/arachne-agent has $bytes bytes, at most 15000000 are allowed" >&2
    exit 1
fi
echo "package-agent: $out/arachne-agent, $bytes bytes, static"

if command -v cargo-deb >/dev/null; then
    cargo deb --no-build --no-strip --target "$host" --profile agent -p arachne-agent --output "$out"
else
    echo "package-agent: no Debian package: cargo-deb is not installed (cargo install cargo-deb)" >&2
fi
