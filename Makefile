# `make help` lists what there is. Everything runs as root on Linux: the lab makes network namespaces.

NODES ?= 3
SECONDS ?= 60
RUNS ?= 30
LAB ?= lab
LAB_COMMAND = target/debug/lab
IMAGE = target/image/herald.tar
CHART = deploy/herald

.DEFAULT_GOAL := help
.PHONY: help demo test test-vm fuzz soak bench-allocation bench-failover bench-bgp bench-scale lab-up lab-down setup image crds manifests parity site deny fmt

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo "  lab-up takes NODES=3 and LAB=lab (the lab's name); lab-down takes LAB=lab"

demo: setup image ## the main job on a real cluster: an external IP that answers, and goes on when its node is cut off
	@$(LAB_COMMAND) demo --image $(IMAGE) --chart $(CHART)

test: setup ## everything that CI runs
	@scripts/test

test-vm: ## the speaker's kernel tests on a kernel with VLANs, bonds, IPVS and VRFs, in an emulated machine (about four minutes)
	@scripts/vm

fuzz: ## feed every decoder and machine with what a fuzzer makes up, SECONDS=60 of each
	@scripts/fuzz $(SECONDS)

soak: setup image ## what takes too long for every change: an outage of ten minutes, a simulated day of quiet, far more of what is random
	@PROPTEST_CASES=50000 cargo test --workspace --exclude suites --lib
	@cargo test -p claim -p dead-nodes --test simulation -- --ignored soak
	@cargo test --workspace --test on_process_nodes -- --test-threads=1 --ignored
	@scripts/vm

bench-allocation: setup image ## how fast Services get addresses, in how much memory: a table beside the bounds
	@scripts/bench allocation

bench-failover: setup image ## how long clients wait after every fault, RUNS=30 of each: a table beside the bounds, and a picture
	@scripts/bench failover $(RUNS)

bench-bgp: setup image ## how soon routers know and how long clients wait: a table beside the bounds
	@scripts/bench bgp $(RUNS)

bench-scale: setup image ## what grows with the cluster: memory, requests, conditions, decisions; a table beside the bounds
	@scripts/bench scale

lab-up: setup image ## a cluster with Herald installed, left running to play with
	@$(LAB_COMMAND) up --name $(LAB) --nodes $(NODES) --kind kubelet --image $(IMAGE) --chart $(CHART)

lab-down: ## end that cluster
	@$(LAB_COMMAND) down --name $(LAB)

setup: ## install and build what the lab needs; runs by itself before the others
	@scripts/setup

image: ## the container image, as an archive: target/image/herald.tar
	@scripts/image

crds: ## write the definitions of the custom resources into the chart, the manifests that hold them, and docs/reference
	@cargo run --quiet -p definitions --bin herald-crds -- --write $(CHART)/files/crds --reference docs/reference
	@cargo run --quiet -p guards --bin herald-manifests

manifests: ## write what is made from the chart: deploy/*.yaml, and what it renders to for common clusters
	@cargo run --quiet -p guards --bin herald-manifests

parity: ## write the tests into docs/requirements and the sums into tests/PARITY.md: which statements have a test
	@cargo run --quiet -p guards --bin herald-parity -- --write

site: ## the pages of docs/ as a site in target/site; needs mdbook (cargo install mdbook)
	@mdbook build docs

deny: ## licences, sources and banned crates; needs cargo-deny (cargo install cargo-deny)
	@cargo deny check licenses bans sources

fmt: ## format the code
	@cargo fmt --all
