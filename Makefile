# The commands a newcomer needs. Everything else: `cargo xtask`, `arachne --help`.
.DEFAULT_GOAL := help
.PHONY: help test demo bench bench-store bench-capture bench-agent bench-layers bench-carpet bench-logs crash soak fuzz record demo-live

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## everything CI runs: format, clippy, tidy, tests, docs (installs nothing)
	cargo xtask ci

demo: ## opens the product: a recorded scene, as if it had just happened, on 127.0.0.1:7117 (PORT=)
	scripts/demo.sh

demo-live: ## the same scene run for real and watched live by agents (root; nginx, PostgreSQL), on 127.0.0.1:7117 (PORT=)
	scripts/demo-live.sh

bench: ## speed and exactness on captures of a real nginx, beside tshark and others; BENCH_STAGES=1: every stage too
	scripts/bench.sh

bench-store: ## the store on 10 million exchanges beside DuckDB, chDB and pyarrow: questions, imports, bytes per row
	scripts/bench-store.sh

bench-capture: ## live capture at 1 k to 200 k packets/s beside tcpdump: CPU, memory, drops (root)
	scripts/bench-capture.sh

bench-agent: ## a whole agent beside tcpdump, what the watched nginx loses, and the time from a packet to the screen (root)
	scripts/bench-agent.sh

bench-layers: ## an agent with everything on, idle and at 2 000 requests/s: CPU and memory of each of its processes (root)
	scripts/bench-layers.sh

bench-carpet: ## the overview's 40 panels over a day and over 30 days of points
	scripts/bench-carpet.sh

bench-logs: ## a million log lines beside wc -l, mtail, GoAccess and angle-grinder: CPU seconds and memory
	scripts/bench-logs.sh

crash: ## the store against kill -9 (CRASH_ROUNDS, default 500), a long log, full disks (root), every flip and cut
	scripts/crash.sh

soak: ## what takes longer than CI: a 10 GB stream and floods in bounded memory, damaged files, a thousand reloads, kills and rotations
	scripts/soak.sh

fuzz: ## each fuzz target for FUZZ_SECONDS (default 120); needs nightly Rust and cargo-fuzz
	scripts/fuzz.sh

record: ## records the scene of the demo anew (root, nginx, PostgreSQL, dumpcap; twelve minutes)
	scripts/record-scene.sh
