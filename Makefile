# slct: one non-recursive build file. `make help` lists the targets.
#
#   make WERROR=1                       warnings are errors
#   make check SANITIZE=address,undefined
#   make unit TESTS='json yaml'         only these unit tests
#   make integration PYTEST='-k copy' JOBS=1   options of pytest, number of processes
#   make CC=aarch64-linux-gnu-gcc PKG_CONFIG=aarch64-linux-gnu-pkg-config   for another processor

PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?=
VERSION := 0.1.0

# The processor that is built for, and its name if it is not this machine's.
TARGET := $(shell $(CC) -dumpmachine 2>/dev/null)
CROSS := $(filter-out $(shell uname -m)-%,$(filter x86_64-% aarch64-%,$(TARGET)))
PKG_CONFIG ?= pkg-config
ifeq ($(origin AR),default)
AR := $(if $(filter %-gcc,$(CC)),$(CC:%-gcc=%-ar),ar)
endif
# What runs programs of another processor: qemu-aarch64-static.
RUNNER ?=

# Each mode has a folder of its own, so that objects of different modes never mix.
comma := ,
MODE := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),$(if $(COVERAGE),coverage,))
OUT := build$(if $(CROSS),/$(CROSS))$(if $(MODE),/$(MODE))
BIN := $(OUT)/slct
LIB := $(OUT)/libslct.a

PKGS := libarchive libcrypto libcurl jansson libseccomp yaml-0.1 libisal libzstd zlib
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
CHECK_FLAGS = $(shell $(PKG_CONFIG) --cflags --libs check)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wnull-dereference -Wswitch-enum -Wundef -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(filter x86_64-%,$(TARGET)),-fcf-protection)
OPT_SANITIZE := -O1 -g -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
OPT_COVERAGE := -O0 -g --coverage
OPT_PLAIN := -O2 -g -D_FORTIFY_SOURCE=2
OPT := $(if $(SANITIZE),$(OPT_SANITIZE),$(if $(COVERAGE),$(OPT_COVERAGE),$(OPT_PLAIN)))
CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSLCT_VERSION='"$(VERSION)"'
CFLAGS := -std=gnu17 $(OPT) $(WARNINGS) $(HARDEN) $(if $(WERROR),-Werror)
LDFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(if $(COVERAGE),--coverage) -pie \
	-Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS := $(PKG_LIBS) -lpthread

MAIN := src/cli/main.c
SOURCES := $(wildcard src/*/*.c oci/*.c registry/*.c)
OBJECTS := $(SOURCES:%.c=$(OUT)/obj/%.o)
TESTS ?= $(patsubst tests/unit/%_test.c,%,$(wildcard tests/unit/*_test.c))
UNIT := $(TESTS:%=$(OUT)/unit/%_test)
FUZZ_NAMES := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ := $(FUZZ_NAMES:%=$(OUT)/fuzz/%)
REPLAY := $(FUZZ_NAMES:%=$(OUT)/replay/%)
DRIVER := $(OUT)/tests/table_driver

.PHONY: all help clean
all: $(BIN) ## build build/slct (default)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 15

clean: ## remove what was built
	rm -rf build

# --- Rules. A test may be shaped as it likes; what is shipped keeps all warnings.
$(BIN): $(OUT)/obj/$(MAIN:.c=.o) $(LIB)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(filter-out $(OUT)/obj/$(MAIN:.c=.o),$(OBJECTS))
	@rm -f $@
	@$(AR) rcs $@ $^

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

TEST_CFLAGS = $(CPPFLAGS) $(filter-out -Wmissing-prototypes -Wnull-dereference,$(CFLAGS)) \
	-Werror=incompatible-pointer-types -Werror=int-conversion $(PKG_CFLAGS) $(LDFLAGS) -MMD -MP
define link_test
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(TEST_CFLAGS) $(1) -o $@ $< $(LIB) $(2) $(LDLIBS)
endef

$(OUT)/unit/%: tests/unit/%.c $(LIB)
	$(call link_test,,$(CHECK_FLAGS))

# Programs that tests run: conformance tables, the sandbox by hand.
$(OUT)/tests/%: tests/conformance/%.c $(LIB)
	$(call link_test)
$(OUT)/tests/%: tests/tools/%.c $(LIB)
	$(call link_test)

$(OUT)/fuzz/%: tests/fuzz/%.c $(LIB)
	$(call link_test,-fsanitize=fuzzer)
$(OUT)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(LIB)
	$(call link_test,tests/fuzz/replay.c)

-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(FUZZ:=.d) $(wildcard $(OUT)/tests/*.d $(OUT)/replay/*.d)

# --- Tests. Each of unit, integration and replay closes with "N passed, N failed"; check sums them.
.PHONY: check check-here unit integration replay fuzz
# Debian's own, which sees python3-pytest.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
INTEGRATION ?= tests/integration
PYTEST ?=
UNIT_CMD = tests/tools/unit.py $(if $(RUNNER),--runner="$(RUNNER)") $(UNIT)
# As many processes as processors; JOBS=1: one.
JOBS ?=
INTEGRATION_CMD = SLCT=$(CURDIR)/$(BIN) tests/tools/shards.py $(if $(JOBS),-j $(JOBS)) \
	$(PYTHON) -m pytest -q -rfEs -p no:cacheprovider $(INTEGRATION) $(PYTEST)
# Every parser gets every file of the tests: foreign bytes are foreign.
REPLAY_CMD = tests/tools/count.py \
	$(foreach f,$(FUZZ_NAMES),'$f=$(OUT)/replay/$f $(wildcard tests/fuzz/seeds/$f) tests/data flavors')

check: ## install what the tests lack; all tests: unit, integration, replay; closes with N passed, N failed
	@tests/tools/deps.sh build demo check || echo 'check: going on with what there is; tests that need more are skipped'
	@$(MAKE) --no-print-directory check-here

check-here: $(BIN) $(UNIT) $(REPLAY)
	@tests/tools/count.py --log $(OUT)/log 'unit=$(UNIT_CMD)' \
		$(if $(wildcard tests/integration/test_*.py),"integration=$(INTEGRATION_CMD)") "replay=$(REPLAY_CMD)"

unit: $(UNIT) ## build and run the unit tests (TESTS='json yaml': only these)
	@$(UNIT_CMD)

integration: $(BIN) ## run the program against registries and other tools (INTEGRATION=files PYTEST='-k name')
	@$(INTEGRATION_CMD)

replay: $(REPLAY) ## give all seeds to the fuzz targets, without a fuzzer
	@$(REPLAY_CMD)

fuzz: ## build the fuzz targets (clang) in build/fuzzer-no-link-address-undefined/fuzz
	@$(MAKE) --no-print-directory CC=clang SANITIZE=fuzzer-no-link,address,undefined fuzz-targets

.PHONY: fuzz-targets conformance
fuzz-targets: $(FUZZ)

TABLES ?= ../shared/conformance/tables
conformance: $(DRIVER) ## feed conformance tables to the Dockerfile modules (TABLES=directory)
	@tests/conformance/tables.py $(TABLES) $(DRIVER)

# --- What the machine lacks; `make demo` needs less of it than the tests.
.PHONY: deps demo
deps: ## install missing Debian packages (as root, or with sudo)
	@tests/tools/deps.sh build demo check

demo: ## build slct, base images and the example flavors; a second run is all cache hits
	@tests/tools/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@tests/tools/demo.sh $(BIN) build/bases

# --- Manual pages and completion are made from the option tables of the program.
MAN := $(OUT)/man
.PHONY: man install
.PHONY: bench bench-requests bench-tiers proof
.PHONY: torture
# TORTURE='--seconds 150': a sample of the calls; '--user NAME': as an ordinary user.
torture: $(BIN) ## kill, EIO, ENOSPC at the n-th state-changing call, builds beside gc (TORTURE='--seconds 150')
	@test -f $(or $(SLCT_BASES),build/bases)/busybox.tar || flavors/make-bases.sh build/bases busybox
	@SLCT=$(CURDIR)/$(BIN) $(PYTHON) tests/torture/torture.py $(TORTURE)

bench: $(BIN) ## time slct, and buildah beside it; BENCH='-n 3 copy' chooses
	@test -f build/bases/busybox.tar || flavors/make-bases.sh build/bases busybox
	@SLCT=$(CURDIR)/$(BIN) $(PYTHON) tests/bench/bench.py $(BENCH)

bench-tiers: $(BIN) ## time steps in each tier of isolation, as root; BENCH='-n 3 step' chooses
	@SLCT=$(CURDIR)/$(BIN) $(PYTHON) tests/bench/tiers.py $(BENCH)

bench-requests: $(BIN) ## count what a registry is asked for a remote cache, buildah beside slct, as root
	@test -f $(or $(SLCT_BASES),build/bases)/busybox.tar || flavors/make-bases.sh build/bases busybox
	@SLCT=$(CURDIR)/$(BIN) $(PYTHON) tests/bench/requests.py $(BENCH)

PROOF ?=
proof: $(BIN) ## build one image in every tier and compare it with real root's, as root (minutes; PROOF='range')
	@test -f build/bases/debian.tar || flavors/make-bases.sh build/bases
	@SLCT=$(CURDIR)/$(BIN) $(PYTHON) tests/proof/proof.py $(PROOF)

man: $(BIN) ## write the manual pages to build/man
	@rm -rf $(MAN) && mkdir -p $(MAN)
	@$(RUNNER) $(BIN) help --man >$(MAN)/slct.1
	@for c in $$($(RUNNER) $(BIN) help --list --man); do $(RUNNER) $(BIN) help --man $$c >$(MAN)/slct-$$c.1 || exit 1; done

install: $(BIN) man ## install to DESTDIR/PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/slct
	install -m 644 $(MAN)/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	$(RUNNER) $(BIN) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/slct

# --- Style and analysis. FILES=... narrows format, analyze and the check of the format.
FILES ?= $(wildcard src/*/*.[ch] oci/*.[ch] registry/*.[ch])
.PHONY: lint format analyze coverage
lint: $(BIN) $(OUT)/unit/command_test ## check layers, names of symbols, option tables, scripts (FORMAT=1: format, too)
	@tests/tools/lint.sh $(OUT) $(FILES)

format: ## clang-format, in place
	clang-format -i $(FILES)

analyze: ## cppcheck
	cppcheck -q --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem --suppress=internalAstError \
		-D_GNU_SOURCE -I. $(filter %.c,$(FILES))

coverage: ## line coverage of the unit tests and the replay, per folder
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory COVERAGE=1 unit replay >/dev/null || echo "coverage: not all tests pass"
	@tests/tools/coverage.py build/coverage
