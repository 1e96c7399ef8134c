/* EXASLCT's own <stage>_packages.yml. What is expected was written by its Python code (pydantic model, PyYAML 6.0). */
#include <check.h>

#include "src/flavor/expackages.h"
#include "src/util/yaml.h"
#include "tests/unit/unit.h"

static const char packages[] = "version: 1.0.0\n"
			       "build_steps:\n"
			       "- name: deps\n"
			       "  unknown: dropped\n"
			       "  phases:\n"
			       "  - name: first\n"
			       "    apt:\n"
			       "      packages:\n"
			       "      - {name: curl, version: \"7.81.*\", comment: ~}\n"
			       "      - {name: tool, version: \"25.2\", repository: own}\n"
			       "      repos:\n"
			       "        own:\n"
			       "          key_url: https://example.com/key.asc\n"
			       "          entry: \"deb [signed-by=/usr/share/keyrings/own.gpg] "
			       "https://example.com/ubuntu jammy main restricted\"\n"
			       "          out_file: own.list\n"
			       "    variables: {B: \"{% if platform == 'x86_64' %}x{% endif %}\", A: \"1\"}\n"
			       "  - name: second\n"
			       "    pip:\n"
			       "      packages:\n"
			       "      - {name: numpy, version: \"==2.0\", extras: [b, a]}\n"
			       "    conda:\n"
			       "      channels: [nvidia, conda-forge]\n"
			       "      packages: []\n"
			       "    tools:\n"
			       "      micromamba: {version: 2.5.0-1}\n"
			       "      pip: {version: \"25.2\", needs_break_system_packages: true}\n"
			       "      python_binary_path: /usr//bin/./python3/\n";

static const char written[] =
	"build_steps:\n"
	"- name: deps\n"
	"  phases:\n"
	"  - apt:\n"
	"      packages:\n"
	"      - name: curl\n"
	"        version: 7.81.*\n"
	"      - name: tool\n"
	"        repository: own\n"
	"        version: '25.2'\n"
	"      repos:\n"
	"        own:\n"
	"          entry: deb [signed-by=/usr/share/keyrings/own.gpg] https://example.com/ubuntu\n"
	"            jammy main restricted\n"
	"          key_url: https://example.com/key.asc\n"
	"          out_file: own.list\n"
	"    name: first\n"
	"    variables:\n"
	"      A: '1'\n"
	"      B: '{% if platform == ''x86_64'' %}x{% endif %}'\n"
	"  - conda:\n"
	"      binary: Micromamba\n"
	"      channels:\n"
	"      - conda-forge\n"
	"      - nvidia\n"
	"      packages: []\n"
	"    name: second\n"
	"    pip:\n"
	"      install_build_tools_ephemerally: false\n"
	"      packages:\n"
	"      - extras:\n"
	"        - b\n"
	"        - a\n"
	"        name: numpy\n"
	"        version: ==2.0\n"
	"    tools:\n"
	"      micromamba:\n"
	"        root_prefix: /opt/conda\n"
	"        version: 2.5.0-1\n"
	"      pip:\n"
	"        needs_break_system_packages: true\n"
	"        version: '25.2'\n"
	"      python_binary_path: /usr/bin/python3\n"
	"  validation_cfg:\n"
	"    version_mandatory: true\n"
	"comment: Automatically generated package file for build step deps\n"
	"version: 1.0.0\n";

static struct json *step(struct yaml_doc *d)
{
	return json_at(json_get(yaml_root(d), "build_steps"), 0);
}

START_TEST(test_written)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	AUTO_YAML struct yaml_doc *d = yaml_parse(packages, strlen(packages), "packages.yml", &e);

	unit_ok(expackages_write("deps", step(d), &out, &e), e);
	ck_assert_str_eq(buf_str(&out), written);
}
END_TEST

static void refused(const char *text, const char *words)
{
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	AUTO_YAML struct yaml_doc *d = yaml_parse(text, strlen(text), "packages.yml", &e);

	ck_assert_int_eq(expackages_write("deps", step(d), &out, &e), -1);
	unit_failed(e, ERR_INPUT, words);
}

START_TEST(test_refused)
{
	refused("build_steps: [x]\n", "packages of deps");
	refused("build_steps: [{name: a, phases: x}]\n", "phases is no list");
	refused("build_steps: [{name: a, phases: [{name: {}}]}]\n", "name is no text");
	refused("build_steps: [{name: a, phases: [{name: b, tools: {pip: {needs_break_system_packages: perhaps}}}]}]\n",
		"needs_break_system_packages is no boolean");
	refused("build_steps: [{name: a, phases: [{name: b, variables: [x]}]}]\n", "variables is no mapping");
}
END_TEST

UNIT_MAIN("expackages", test_written, test_refused)
