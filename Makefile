# make            build/mdr-gateway                 make run     packages, build, serve a demo on 127.0.0.1:8080
# make test       everything; last line "N passed, N failed"      make help    all targets
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
SHELL := /bin/bash
PYTHON := /usr/bin/python3

# SAN=1: the same program under AddressSanitizer and UndefinedBehaviorSanitizer, in build/san.
OUT := $(if $(SAN),build/san,build)
GEN := build/gen
PROGRAM := $(OUT)/mdr-gateway

FOLDERS := api auth feeds base ledger tenants assets incidents responses rules chat reports notify demo commands migrations
PACKAGES := libulfius libmicrohttpd jansson libjwt libpq libcurl libsodium nettle libcmark-gfm pangocairo pangoft2 \
    fontconfig cairo
GENERATED := $(addprefix $(GEN)/,operations.c openapi_yaml.c docs_html.c migrations.c)

SOURCES := $(filter-out %_test.c,$(wildcard $(addsuffix /*.c,$(FOLDERS))))
TESTS := $(wildcard $(addsuffix /*_test.c,$(FOLDERS)))
OBJECTS := $(patsubst %.c,$(OUT)/obj/%.o,$(SOURCES)) $(patsubst $(GEN)/%.c,$(OUT)/obj/gen/%.o,$(GENERATED))
TEST_PROGRAMS := $(patsubst %.c,$(OUT)/test/%,$(TESTS))
OURS := $(wildcard main.c $(addsuffix /*.[ch],$(FOLDERS)))

CC := gcc
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat -Wformat-security \
    -Werror=format-security -Werror
HARDENING := -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection
ifeq ($(shell uname -m),x86_64)
HARDENING += -fcf-protection
endif
SANITIZE := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS = -std=gnu11 -D_GNU_SOURCE= -I. -g -fPIE $(WARNINGS) $(if $(SAN),$(SANITIZE),$(HARDENING)) $(PACKAGE_FLAGS)
LDFLAGS = -pie -Wl,--export-dynamic-symbol=MHD_start_daemon -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(if $(SAN),$(SANITIZE))
PACKAGE_FLAGS = $(eval PACKAGE_FLAGS := $(shell pkg-config --cflags $(PACKAGES)))$(PACKAGE_FLAGS)
LIBS = $(eval LIBS := $(shell pkg-config --libs $(PACKAGES)) -lcmark-gfm-extensions -lunistring -lpthread -lm)$(LIBS)

.PHONY: all deps test-deps run test soak unit unit-programs lint format bench clean help FORCE
.DELETE_ON_ERROR:

all: $(PROGRAM)  ## build the program (SAN=1: with sanitizers, in build/san)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

deps:  ## install the Debian packages that build and run need
	@tools/deps build

test-deps:
	@tools/deps test

run: deps  ## packages, build, then serve a demo organisation; Ctrl-C stops it
	@$(MAKE) all
	@exec $(PROGRAM) serve --demo

test: test-deps  ## lint, unit and integration tests; last line "N passed, N failed"
	@$(PYTHON) tools/test

soak: test-deps  ## the crash tests with hundreds of rounds (MDR_CRASH_ROUNDS=300)
	@MDR_CRASH_ROUNDS=$${MDR_CRASH_ROUNDS:-300} $(PYTHON) tools/test api tests/test_at_most_once.py

unit: $(OUT)/test/$(T)  ## one unit-test program: make unit T=base/arena_test [SAN=1]
	$(if $(T),,$(error name one: make unit T=base/arena_test))
	$<

unit-programs: $(TEST_PROGRAMS)

lint: $(GENERATED)  ## formatting, static analysis, openapi.yaml
	@$(PYTHON) tools/test lint

format:  ## put the C code into its form
	clang-format -i $(OURS)

bench: all  ## measure (bench/run)
	@bench/run

clean:  ## remove everything that was built
	rm -rf build

# ---- generated code ----

$(addprefix $(GEN)/,operations.c operations.h openapi_yaml.c docs_html.c) &: openapi.yaml base/err.h $(wildcard tools/openapi.py tools/docs.py)
	@mkdir -p $(GEN)
	$(PYTHON) tools/openapi.py openapi.yaml $(GEN)
	@touch -c $(addprefix $(GEN)/,operations.c operations.h openapi_yaml.c docs_html.c)

$(GEN)/migrations.c: tools/migrations.py $(wildcard migrations/*.sql)
	@mkdir -p $(GEN)
	$(PYTHON) tools/migrations.py $@ $(filter %.sql,$^)

# Written only when it changes, so that a commit does not rebuild more than it has to.
$(GEN)/version.h: FORCE
	@mkdir -p $(GEN)
	@echo '#define MDR_VERSION "$(shell cat VERSION)$(addprefix +,$(shell git rev-parse --short HEAD 2>/dev/null))"' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# ---- objects, programs ----

$(OUT)/obj/gen/%.o: $(GEN)/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/obj/%.o: %.c | $(GEN)/operations.h $(GEN)/version.h
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Made anew, so that objects of removed files do not stay in it.
$(OUT)/libgateway.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(PROGRAM): $(OUT)/obj/main.o $(OUT)/libgateway.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/test/%: $(OUT)/obj/%.o $(OUT)/libgateway.a
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

$(OBJECTS) $(OUT)/obj/main.o: Makefile
.SECONDARY:
-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)
