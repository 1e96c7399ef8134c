# slct: one non-recursive build file. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?=
VERSION := 0.1.0

# Each mode has a folder of its own, so that objects of different modes never mix.
comma := ,
MODE := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),$(if $(COVERAGE),coverage,))
OUT := build$(if $(MODE),/$(MODE),)
BIN := $(OUT)/slct

PKGS := libarchive libcrypto libcurl jansson libseccomp yaml-0.1 libisal libzstd zlib
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wnull-dereference -Wswitch-enum -Wundef -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE $(if $(filter x86_64,$(shell uname -m)),-fcf-protection)
OPT := $(if $(SANITIZE),-O1 -g -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined,$(if $(COVERAGE),-O0 -g --coverage,-O2 -g -D_FORTIFY_SOURCE=2))
CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DSLCT_VERSION='"$(VERSION)"'
CFLAGS := -std=gnu17 $(OPT) $(WARNINGS) $(HARDEN) $(if $(WERROR),-Werror)
LDFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(if $(COVERAGE),--coverage) -pie -Wl,-z,relro,-z,now -Wl,--as-needed
LDLIBS = $(PKG_LIBS) -lpthread

SOURCES := $(wildcard src/*/*.c oci/*.c registry/*.c)
MAIN := src/cli/main.c
OBJECTS := $(SOURCES:%.c=$(OUT)/obj/%.o)
LIB := $(OUT)/libslct.a
UNIT := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(wildcard tests/unit/*_test.c))

.PHONY: all help
all: $(BIN) ## build build/slct (default)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

$(BIN): $(OUT)/obj/$(MAIN:.c=.o) $(LIB)
	@echo "  LD $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(filter-out $(OUT)/obj/$(MAIN:.c=.o),$(OBJECTS))
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/unit/%: tests/unit/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(filter-out -Wmissing-prototypes -Wnull-dereference,$(CFLAGS)) $(PKG_CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LIB) \
		$$(pkg-config --cflags --libs check) $(LDLIBS)

# Feeds the rows of conformance tables to the Dockerfile modules; tests/conformance/tables.py runs it.
$(OUT)/tests/%: tests/conformance/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(LIB) $(LDLIBS)

# Fuzz targets, one per parser: make fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined
FUZZ := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
$(OUT)/fuzz/%: tests/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) $(LDFLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $< $(LIB) $(LDLIBS)

-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(wildcard $(OUT)/tests/*.d)

unit: $(UNIT) ## build and run the unit tests
	@for t in $(UNIT); do $$t || exit 1; done

.PHONY: fuzz
fuzz: $(FUZZ) ## compile the fuzz targets (clang)

.PHONY: unit clean
clean: ## remove what was built
	rm -rf build

# What the machine lacks; `make demo` needs less of it than the tests.
.PHONY: deps demo
deps: ## install missing Debian packages (as root, or with sudo)
	@tests/tools/deps.sh build demo check

demo: ## build slct, base images and the example flavors; a second run is all cache hits
	@tests/tools/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@tests/tools/demo.sh $(BIN) build/bases

# Manual pages and completion are made from the option tables of the program.
MAN := $(OUT)/man
.PHONY: man install
man: $(BIN) ## write the manual pages to build/man
	@rm -rf $(MAN) && mkdir -p $(MAN)
	@$(BIN) help --man >$(MAN)/slct.1
	@for c in $$($(BIN) help --list); do $(BIN) help --man $$c >$(MAN)/slct-$$c.1 || exit 1; done

install: $(BIN) man ## install to DESTDIR/PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/slct
	install -m 644 $(MAN)/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	$(BIN) completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/slct

# Style and analysis. FILES=... narrows format and analyze.
FILES ?= $(wildcard src/*/*.[ch] oci/*.[ch] registry/*.[ch])
.PHONY: lint format analyze coverage
lint: $(LIB) ## check layers, names of symbols, scripts
	@python3 tests/lint/layers.py
	@for f in tests/tools/*.sh; do sh -n $$f || exit 1; done

format: ## clang-format, in place
	clang-format -i $(FILES)

analyze: ## cppcheck
	cppcheck -q --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
		-D_GNU_SOURCE -I. $(filter %.c,$(FILES))

coverage: ## line coverage of the unit tests, per folder
	@$(MAKE) --no-print-directory COVERAGE=1 unit
	@tests/tools/coverage.py build/coverage
