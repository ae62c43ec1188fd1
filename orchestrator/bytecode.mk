# Bytecode in the packages of functions. Lambda cannot write it, so each cold start would compile all modules, which takes
# longer than importing boto3. It is compiled if Python 3.13 is on the PATH; bytecode of another version would be ignored.
# Lambda does not compare it with the sources, and the directory of the build is not part of it, so equal sources make
# equal packages. The functions of `publisher` have it through a link in their `context/`.
LAMBDA_PYTHON := 3.13
COMPILER ?= $(shell python$(LAMBDA_PYTHON) -c "print('python$(LAMBDA_PYTHON)')" 2>/dev/null)
ifeq ($(COMPILER),)
COMPILE = @echo "without bytecode: python$(LAMBDA_PYTHON) is not on the PATH"
else
COMPILE = PYTHONHASHSEED=0 $(COMPILER) -m compileall -q --invalidation-mode unchecked-hash \
	-s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)"
endif
