.PHONY: help run test lint bench soak clean

help:  ## show this list
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

run:  ## start everything on this machine (PORT, DOCENT_HOME, STRIPE=demo to buy with test cards)
	@python3 -m devkit run

test:  ## all checks and tests (ARGS="tests/agent -x" for some, REQUIRE_BROWSER=1)
	@python3 -m devkit test $(if $(REQUIRE_BROWSER),--require-browser) $(ARGS)

lint:  ## style, types, imports, migrations
	@python3 -m devkit lint

bench:  ## measure
	@python3 -m devkit bench $(ARGS)

soak:  ## load and failures for long
	@python3 -m devkit soak $(ARGS)

clean:  ## remove what was installed and all local data
	@python3 -m devkit clean
