# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo    a laptop, a gateway and an office in namespaces; the main job
# make test    every test, with all set-up (root for the namespace part)
# make check-wifi    the part of it with real Wi-Fi, in a guest
# make         the three programs, into build/bin/
#
# make install, make uninstall    the programs and their services
#
# Knobs: CC CFLAGS LDFLAGS PREFIX DESTDIR PLATFORM SAN V. Yours come last.
# SAN=address,undefined or SAN=thread builds beside the plain build.

PLATFORM ?= $(shell uname -s | tr A-Z a-z)
SAN      ?=
PREFIX   ?= /usr/local
comma    := ,
OUT      := build/$(PLATFORM)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
BIN      := $(if $(SAN),$(OUT)/bin,build/bin)
Q        := $(if $(V),,@)

# What is missing is got first (config/deps.sh says what); make then starts over.
ifneq ($(filter-out clean format lint uninstall,$(or $(MAKECMDGOALS),all)),)
-include build/deps/wolfssl.mk build/deps/ipsec_mb.mk
endif

VERSION  := 0.1.0
WARN     := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
	    -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2
PKGS     := libuv libcjson libmnl libsystemd
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	     -fno-sanitize-recover=undefined)
ALL_CFLAGS = -std=gnu11 -O2 -g -I. -D_GNU_SOURCE -DADIT_VERSION='"$(VERSION)"' \
	     $(WARN) $(if $(CI),-Werror) $(WOLFSSL_CFLAGS) $(PKG_CFLAGS) \
	     $(SAN_FLAGS) $(CFLAGS)
ALL_LIBS   = $(WOLFSSL_LIBS) $(PKG_LIBS) -lm -lpthread $(IPSEC_MB_LIBS)

# A file that is there is built, except another platform's, the probe that
# config/deps.sh compiles, and what stands in for a library or takes its place.
other    := $(filter-out $(PLATFORM),linux darwin)
absent   := aead_ipsec_mb$(if $(IPSEC_MB_LIBS),_none)
sources   = $(foreach d,$(1),$(filter-out $(foreach o,$(other),%_$(o).c) \
	    %_probe.c %/$(absent).c,$(sort $(wildcard $(d)/*.c))))
MAINS    := tunnel/main_daemon.c tunnel/main_cli.c tunnel/main_gateway.c
CORE     := $(call sources,tunnel/base config crypto dns \
	    tunnel/data tunnel/host tunnel/ctl tunnel/cli tunnel/daemon \
	    tunnel/gateway)
CORE_OBJ := $(CORE:%.c=$(OUT)/%.o)
PROGRAMS := $(if $(wildcard tunnel/main_daemon.c),$(BIN)/aditd) \
	    $(if $(wildcard tunnel/main_cli.c),$(BIN)/adit) \
	    $(if $(wildcard tunnel/main_gateway.c),$(BIN)/adit-gateway)

# tests/AREA/test_x.c are programs; tests/lib/ is linked to each of them.
LIB_OBJ  := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/lib/*.c))
TESTS    := $(patsubst tests/%.c,$(OUT)/tests/%,$(wildcard \
	    tests/*/test_*.c))
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTS    += $(FUZZERS:%=$(OUT)/tests/fuzz/test_%)
PRELOAD  := $(patsubst tests/lab/preload_%.c,$(OUT)/lab/%.so,$(wildcard \
	    tests/lab/preload_*.c))
LAB      := $(patsubst tests/lab/%.c,$(OUT)/lab/%,$(filter-out \
	    tests/lab/preload_%,$(wildcard tests/lab/*.c))) $(PRELOAD)
BENCH    := $(patsubst tests/bench/%.c,$(OUT)/bench/%,$(wildcard tests/bench/*.c))

.PHONY: all deps deps-test demo test check check-net check-wifi bench \
	bench-crowd bench-dns bench-instructions soak fuzz lint format clean \
	install uninstall
.SECONDARY:

all: $(PROGRAMS)

deps:
	@config/deps.sh build

deps-test:
	@config/deps.sh build lab

# The Makefile reads what deps found, so what follows deps is a second make.
demo: deps-test
	@$(MAKE) --no-print-directory all lab
	@tests/lab/demo.sh $(if $(KEEP),--keep)

test: deps-test
	@config/deps.sh owners wifi
	@$(MAKE) --no-print-directory -j$(shell nproc) all lab tests
	@$(MAKE) --no-print-directory -j$(shell nproc) SAN=address,undefined all tests
	@$(MAKE) --no-print-directory -j$(shell nproc) SAN=thread tests
	@tests/run.sh all

check: tests
	@tests/run.sh unit $(OUT)

check-net: all lab
	@tests/run.sh net

check-wifi:
	@config/deps.sh build lab wifi
	@$(MAKE) --no-print-directory all
	@tests/run.sh wifi

# ROUNDS=1 SECONDS=1 takes a minute; without, a quarter of an hour.
bench:
	@config/deps.sh build lab bench peers
	@$(MAKE) --no-print-directory all lab
	@tests/bench/bench.sh $(or $(ROUNDS),5) $(or $(SECONDS),4)

bench-crowd:
	@config/deps.sh build lab
	@$(MAKE) --no-print-directory all lab
	@crowd_count=10000 crowd_others=1000 crowd_rounds=3 \
		tests/netns/crowd.sh

# An hour at full rate, and 2 GB each way over each rough path.
SOAK_SECONDS ?= 3600
soak:
	@config/deps.sh build lab
	@$(MAKE) --no-print-directory all lab
	@soak_seconds=$(SOAK_SECONDS) tests/netns/soak.sh
	@rough_mb=2048 rough_seconds=1200 tests/netns/rough_path.sh

bench-dns:
	@config/deps.sh build lab resolvers
	@$(MAKE) --no-print-directory lab
	@tests/bench/dns.sh

bench-instructions:
	@config/deps.sh build count
	@$(MAKE) --no-print-directory $(OUT)/lab/packets
	@tests/bench/instructions.sh

.PHONY: lab tests
lab: $(LAB) $(BENCH)
tests: $(TESTS)

$(BIN)/aditd: $(OUT)/tunnel/main_daemon.o $(OUT)/libadit.a
$(BIN)/adit: $(OUT)/tunnel/main_cli.o $(OUT)/libadit.a
$(BIN)/adit-gateway: $(OUT)/tunnel/main_gateway.o $(OUT)/libadit.a
$(BIN)/aditd $(BIN)/adit $(BIN)/adit-gateway:
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

# The second: another set of objects, none of them newer.
$(OUT)/libadit.a: $(CORE_OBJ) $(wildcard build/deps/ipsec_mb.mk)
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $(CORE_OBJ)

$(OUT)/%.o: %.c | build/deps/wolfssl.mk
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Test hooks that the programs do not have: wolfSSL's clock, the secret of a
# handshake for a second decoder, memory that runs out, a poorer CPU. tests/lib
# defines them.
HOOKS := gettimeofday time keys_init envelope_is_hello wolfSSL_UseALPN \
	 wolfSSL_export_keying_material malloc calloc realloc reallocarray \
	 strdup asprintf open_memstream cpu_has_aes
WRAP  := $(HOOKS:%=-Wl,--wrap=%)
$(OUT)/tests/%: $(OUT)/tests/%.o $(LIB_OBJ) $(OUT)/libadit.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) $(WRAP) -o $@ $^ \
		$(shell pkg-config --libs check) $(ALL_LIBS)

$(OUT)/tests/fuzz/test_%: $(OUT)/tests/fuzz/fuzz_%.o \
		$(OUT)/tests/fuzz/replay_main.o $(OUT)/libadit.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(OUT)/lab/%: $(OUT)/tests/lab/%.o $(OUT)/libadit.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(OUT)/lab/%.so: tests/lab/preload_%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

$(OUT)/bench/%: $(OUT)/tests/bench/%.o $(OUT)/libadit.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(SAN_FLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

build/deps/wolfssl.mk:
	@config/deps.sh build

# Each parser of outside bytes for FUZZ_SECONDS, from its corpus. clang's
# libFuzzer; objects of their own.
FUZZ_SECONDS ?= 60
fuzz:
	@config/deps.sh build fuzz
	@$(MAKE) --no-print-directory CC=clang OUT=build/fuzz \
		SAN=fuzzer-no-link,address,undefined \
		$(FUZZERS:%=build/fuzz/fuzz_%)
	@for f in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus/$$f build/fuzz/found; \
		build/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) \
			-print_final_stats=1 -timeout=10 \
			-artifact_prefix=build/fuzz/found/$$f- \
			build/fuzz/corpus/$$f tests/fuzz/corpus/$$f \
			>build/fuzz/$$f.log 2>&1 || \
			{ tail -n 40 build/fuzz/$$f.log; exit 1; }; \
		sed -n "s/^stat::number_of_executed_units: */note: fuzz $$f: no fault in /p" \
			build/fuzz/$$f.log; \
	done

$(OUT)/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/libadit.a
	@echo "  LD    $@"
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(ALL_LIBS)

# With DESTDIR it is for a package: nothing is said, and nothing outside read.
BINDIR   ?= $(PREFIX)/bin
SBINDIR  ?= $(PREFIX)/sbin
UNITDIR  ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
PLISTDIR ?= /Library/LaunchDaemons
SERVICE  := config/service
INSTALLED_linux := $(UNITDIR)/aditd.service $(UNITDIR)/adit-gateway.service \
	    $(UNITDIR)/adit-gateway@.service $(SYSUSERSDIR)/adit.conf
INSTALLED_darwin := $(PLISTDIR)/org.adit.aditd.plist
INSTALLED := $(BINDIR)/adit $(SBINDIR)/aditd $(SBINDIR)/adit-gateway \
	    $(INSTALLED_$(PLATFORM))

# $(call service,SOURCE,TARGET,FOLDER-OF-GATEWAY)
service   = sed -e '/@SANDBOX@/r $(SERVICE)/sandbox' -e '/@SANDBOX@/d' \
	    -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@GATEWAY@|$(3)|g' \
	    $(SERVICE)/$(1) >"$(DESTDIR)$(2)" && chmod 644 "$(DESTDIR)$(2)"

install: all install-$(PLATFORM)
	$(Q)install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(SBINDIR)"
	$(Q)install -m 755 $(BIN)/adit "$(DESTDIR)$(BINDIR)"
	$(Q)install -m 755 $(BIN)/aditd $(BIN)/adit-gateway \
		"$(DESTDIR)$(SBINDIR)"
	$(if $(DESTDIR),,@cat $(SERVICE)/next-$(PLATFORM))

install-linux:
	$(Q)install -d "$(DESTDIR)$(UNITDIR)" "$(DESTDIR)$(SYSUSERSDIR)"
	$(Q)$(call service,aditd.service,$(UNITDIR)/aditd.service)
	$(Q)$(call service,adit-gateway.service,$(UNITDIR)/adit-gateway.service,adit-gateway)
	$(Q)$(call service,adit-gateway.service,$(UNITDIR)/adit-gateway@.service,adit-gateway/%i)
	$(Q)install -m 644 $(SERVICE)/adit.sysusers \
		"$(DESTDIR)$(SYSUSERSDIR)/adit.conf"

install-darwin:
	$(Q)install -d "$(DESTDIR)$(PLISTDIR)"
	$(Q)$(call service,aditd.plist,$(PLISTDIR)/org.adit.aditd.plist)

# A service whose program goes would run on, or fail at the next boot.
uninstall:
	$(if $(DESTDIR),,@$(SERVICE)/still-used.sh $(UNITDIR))
	$(Q)for f in $(INSTALLED); do rm -f "$(DESTDIR)$$f"; done
	$(Q)for d in $(UNITDIR) $(dir $(UNITDIR)) $(SYSUSERSDIR); do \
		rmdir "$(DESTDIR)$$d"; done 2>/dev/null || true
	$(if $(DESTDIR),,@echo "Removed. What is yours stays: /etc/adit," \
		"/etc/adit-gateway, /var/lib/adit, the group adit.")

.PHONY: install-linux install-darwin

lint:
	@config/deps.sh build lint
	@tests/lint.sh

format:
	@config/deps.sh lint
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# build/deps (wolfSSL) stays: it takes minutes, and nothing in it is ours.
clean:
	$(Q)find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + \
		2>/dev/null || true

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
