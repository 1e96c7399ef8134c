/* dlint: a Dockerfile gives a list of "Rule:line". */
#include "src/dockerfile/dlint.h"

#include "oci/ref.h"
#include "src/dockerfile/dparse.h"
#include "src/util/mem.h"
#include "tests/unit/unit.h"

struct row {
	const char *text;
	const char *want; /* "Rule:line Rule:line" */
	const char *ignore, *args, *check;
	bool experimental;
};

static void emit(void *ctx, const struct dlint_finding *f)
{
	struct buf *out = ctx;

	buf_printf(out, "%s%s:%u%s", out->n ? " " : "", f->rule, f->line, f->maybe ? "?" : "");
	ck_assert(f->summary[0] && f->message[0]);
	ck_assert_ptr_nonnull(strstr(f->file->text, f->excerpt));
}

static bool ref_ok(const char *text)
{
	struct ref r = {0};
	struct err e = ERR_INIT;
	bool ok = ref_parse(text, &r, &e) == 0;

	err_release(&e);
	if (ok)
		ref_release(&r);
	return ok;
}

/* Images "known:..." are known, all others are not. */
static bool base(void *ctx, size_t stage, const char *image, struct dlint_base *out)
{
	(void)ctx;
	(void)stage;
	if (strncmp(image, "known:", 6) != 0)
		return false;
	strv_add(&out->env, "GOPATH=/go");
	out->shell = !strcmp(image, "known:shell");
	return true;
}

static int run(const struct row *t, struct buf *out, bool *error, const bool *wanted, struct err *e)
{
	AUTO_DAST_FILE struct dast_file *f = dparse("Dockerfile", sv_from(t->text), e);
	AUTO_IGNORE struct ignore *ig = t->ignore ? ignore_parse("i", sv_from(t->ignore), e) : NULL;
	AUTO_SMAP struct smap args = SMAP_STR;
	struct dstage_list l;
	int rc;

	ck_assert_msg(f != NULL, "%s: %s", t->text, e->msg);
	unit_ok(dstage_view(f, &l, e), *e);
	if (t->args) {
		struct sv v = sv_from(t->args);
		AUTO_FREE char *key = sv_dup(sv_cut(&v, '=')), *value = sv_dup(v);

		smap_set_str(&args, key, value);
	}
	struct dlint_opts o = {.build_args = &args,
			       .build_platform = "linux/amd64",
			       .ignore = ig,
			       .check = t->check,
			       .experimental = t->experimental,
			       .wanted = wanted,
			       .base = base,
			       .ref_ok = ref_ok};

	rc = dlint_run(&l, &o, emit, out, error, e);
	dstage_release(&l);
	return rc;
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;
		bool error;

		ck_assert_msg(run(&rows[i], &out, &error, NULL, &e) == 0, "%s: %s", rows[i].text, e.msg);
		ck_assert_msg(!strcmp(buf_str(&out), rows[i].want), "%s\nwant %s\n got %s", rows[i].text, rows[i].want,
			      buf_str(&out));
		ck_assert_msg(!error, "%s", rows[i].text);
	}
}

#define S "FROM scratch\n"
#define R(text_, want_, ...)                                                                                           \
	{                                                                                                              \
		.text = (text_), .want = (want_), __VA_ARGS__                                                          \
	}

START_TEST(test_style)
{
	/* clang-format off */
	static const struct row rows[] = {
		R(S, "", .experimental = true),
		R("FROM scratch AS Bad\nFROM scratch as b2\nFROM scratch AS b3\n", "StageNameCasing:1 FromAsCasing:2"),
		R("from scratch AS a\nfrom scratch as b\n", "FromAsCasing:1"),
		R("FROM scratch As a\n", "FromAsCasing:1"),
		R(S "COPY a \\\n\n.\nCOPY a \\\n.\n", "NoEmptyContinuation:4"),
		R(S "COPY a \\\n# no empty line\n.\n", ""),
		R(S "RUN <<E \\\n\n a\nb\n\nE\n", "NoEmptyContinuation:4"),
		R(S "COPY a \\\n\n\\\n\n.\nRUN a \\\n\n\n b\n", "NoEmptyContinuation:6 NoEmptyContinuation:10"),
		/* casing */
		R("From scratch as base\nFROM scratch AS b\n", "ConsistentInstructionCasing:1"),
		R(S "copy a b\nCOPY a b\n", "ConsistentInstructionCasing:2"),
		R("frOM scratch as base\nfrom scratch as b\n", "ConsistentInstructionCasing:1"),
		R("from scratch\nCOPY a b\ncopy a b\n", "ConsistentInstructionCasing:2"),
		R("from scratch\nCOPY a b\nCOPY a b\n", "ConsistentInstructionCasing:1"),
		R("FROM scratch\ncopy a b\n", "ConsistentInstructionCasing:2"),
		R("from scratch\ncopy a b\n", ""),
		R("arg a\nFROM scratch\n", ""),
		R(S "Run true\n", "ConsistentInstructionCasing:2"),
		R(S "MAINTAINER me@example.org\n", "MaintainerDeprecated:2"),
		R(S "LABEL org.opencontainers.image.authors=me\n", ""),
		R(S "ENV k v\nLABEL k v\nENV a=b c=d\nLABEL a=b\nENV a=\n", "LegacyKeyValueFormat:2 LegacyKeyValueFormat:3"),
	};
	/* clang-format on */

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_description)
{
	/* clang-format off */
	static const struct row rows[] = {
		R("# check=experimental=InvalidDefinitionDescription\n# bar is\nARG foo=bar\n# BasE is\nFROM scratch AS base\n"
		 "# bad\nARG version=latest\n# bad\nARG foo=baz bar=qux\n",
		 "InvalidDefinitionDescription:3 InvalidDefinitionDescription:5 InvalidDefinitionDescription:7 "
		 "InvalidDefinitionDescription:9"),
		R("# check=skip=all;experimental=all\n# foo is\nARG foo=bar\n\n# base is\nFROM scratch AS base\n\n# v is\nARG v=1\n"
		 "# baz is\nARG foo=baz baz=quux\n#\nARG bit=bat\n# comment\nCOPY a .\n# far away\n\nARG x=1\n",
		 ""),
		/* neither a directive of the file nor one of the instruction is a description */
		R("# check=experimental=all\nFROM scratch AS a\n# check=skip=UndefinedVar\nARG x=1\n", ""),
		R("# bad\nFROM scratch AS a\n", "InvalidDefinitionDescription:2", .experimental = true),
		R("# bad\nFROM scratch AS a\n", ""),
		R("# bad\nFROM scratch\n", "", .experimental = true),
		R("# check=skip=all\n# bad\nFROM scratch AS a\n", "InvalidDefinitionDescription:3", .experimental = true),
		R("# check=skip=InvalidDefinitionDescription\n# bad\nFROM scratch AS a\n", "", .experimental = true),
	};
	/* clang-format on */

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_from)
{
	static const struct row rows[] = {
		R("FROM scratch AS b\nFROM scratch AS b\n", "DuplicateStageName:2"),
		R("FROM scratch AS b\nFROM scratch AS B\n", "StageNameCasing:2 DuplicateStageName:2"),
		R("FROM scratch AS b1\nFROM scratch AS b2\nFROM scratch\nFROM scratch\n", ""),
		R("FROM scratch AS scratch\nFROM scratch AS context\n", "ReservedStageName:1 ReservedStageName:2"),
		/* ARGs */
		R("ARG base=scratch\nFROM $base\n", ""),
		R("ARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM scratch\n", ""),
		R("FROM --platform=$BUILDPLATFORM scratch\n", ""),
		R("ARG DEBUG\nFROM scratch${DEBUG}\n", ""),
		R("ARG DEBUG\nFROM scra${DEBUG:-tch}\n", ""),
		R("ARG DEBUG=\"\"\nFROM scratch${DEBUG-@bogus}\n", ""),
		R("FROM --platform=$BULIDPLATFORM scratch\n", "UndefinedArgInFrom:1"),
		R("ARG MY_OS=linux\nFROM --platform=linux/${MYARCH} busybox\n", "UndefinedArgInFrom:2"),
		R("ARG tag=latest\nFROM busybox:${tag}${version} AS b\n", "UndefinedArgInFrom:2"),
		R("FROM scratch AS a\nARG x=a\nFROM $x\n", "UndefinedArgInFrom:3 InvalidDefaultArgInFrom:3",
		  .args = "x=a"),
		R("ARG VERSION\nFROM busybox:$VERSION\n", "InvalidDefaultArgInFrom:2", .args = "VERSION=latest"),
		R("ARG IMAGE\nFROM $IMAGE\n", "InvalidDefaultArgInFrom:2"),
		R("ARG IMAGE\nFROM $IMAGE\n", "InvalidDefaultArgInFrom:2", .args = "IMAGE=busybox"),
		R("ARG SFX=\"box:\"\nFROM busy${SFX}\n", "InvalidDefaultArgInFrom:2"),
		R("ARG VERSION=\"latest\"\nFROM busybox:${VERSION}\n", "", .args = "VERSION=latest"),
		R("ARG V\nFROM busybox:stable${V}\n", "", .args = "V=-musl"),
		R("FROM scratch AS Build\nARG x\n", "StageNameCasing:1"),
		R("ARG S=Build\nFROM scratch AS build\nFROM $S\n", ""),
		/* platforms */
		R("FROM --platform=$TARGETPLATFORM scratch\n", "RedundantTargetPlatform:1"),
		R("FROM --platform=${TARGETPLATFORM} scratch\n", "RedundantTargetPlatform:1"),
		R("FROM --platform=$TARGETOS/$TARGETARCH scratch\n", ""),
		R("FROM --platform=${TARGETPLATFORM}/v8 scratch\n", ""),
		R("FROM --platform=linux/amd64 scratch\n", "FromPlatformFlagConstDisallowed:1"),
		R("FROM --platform=linux/amd64 scratch AS my_amd64_stage\n", ""),
		R("FROM --platform=linux/amd64 scratch AS linux\n", ""),
		R("FROM --platform=linux/amd64 scratch AS other\n", "FromPlatformFlagConstDisallowed:1"),
	};

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_commands)
{
	static const struct row rows[] = {
		R(S "CMD mycommand\n", "JSONArgsRecommended:2"),
		R(S "ENTRYPOINT mycommand\n", "JSONArgsRecommended:2"),
		R(S "CMD [\"a\"]\nENTRYPOINT [\"b\"]\nRUN x\nHEALTHCHECK CMD y\n", ""),
		R(S "SHELL [\"/bin/custom\"]\nCMD a\nENTRYPOINT a\n", ""),
		R(S "CMD a\nSHELL [\"/bin/custom\"]\n", "JSONArgsRecommended:2"),
		R("FROM scratch AS a\nSHELL [\"/x\"]\nFROM a\nCMD b\nFROM a\nENTRYPOINT b\n", ""),
		R("FROM known:shell\nCMD b\n", ""),
		R("FROM known:1\nCMD b\n", "JSONArgsRecommended:2"),
		/* lists gone wrong */
		R(S "CMD ['a']\n", "JSONArgsRecommended:2"),
		R(S "SHELL [\"/x\"]\nCMD ['a']\n", "JSONArgsRecommended:3"),
		R(S "RUN [\"a\", 'b']\nRUN [ -f x ]\n", "JSONArgsRecommended:2"),
		R(S "ENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\nCMD [\"a\"]\nCMD [\"b\"]\nHEALTHCHECK CMD [\"a\"]\n"
		    "HEALTHCHECK CMD [\"b\"]\n",
		  "MultipleInstructionsDisallowed:2 MultipleInstructionsDisallowed:4 MultipleInstructionsDisallowed:6"),
		R(S "CMD [\"a\"]\nENV a=b\nCMD [\"b\"]\nCMD [\"c\"]\n",
		  "MultipleInstructionsDisallowed:2 MultipleInstructionsDisallowed:4"),
		R("FROM scratch AS a\nCMD [\"a\"]\nHEALTHCHECK NONE\nFROM a\nCMD [\"a\"]\nHEALTHCHECK NONE\n", ""),
		R(S "RUN a\nRUN b\nLABEL a=b\nLABEL c=d\n", ""),
	};

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_variables)
{
	/* clang-format off */
	static const struct row rows[] = {
		R(S "ARG foo\nCOPY Dockerfile${foo} .\n", ""),
		R(S "COPY $foo .\n", "UndefinedVar:2"),
		R(S "COPY $foo .\nCOPY $foo $bar .\n", "UndefinedVar:2 UndefinedVar:3 UndefinedVar:3"),
		R("FROM scratch AS base\nARG foo=Dockerfile\nFROM base\nCOPY $foo .\n", ""),
		R("FROM alpine\nRUN echo $nothing\nENV PATH=/x:$PATH\n", ""),
		R("FROM alpine\nCOPY $foo .\nARG foo=bar\nRUN echo $foo\n", "UndefinedVar:2?"),
		R("FROM alpine AS a\nFROM a\nENV PATH=$PAHT:/x\n", "UndefinedVar:3?"),
		R("FROM known:1\nENV PATH=$GOPATH/bin:$PATH\nCOPY $GOPATH2 .\n", "UndefinedVar:3"),
		R("ARG v=1\nFROM scratch\nCOPY $v .\nARG v\nCOPY $v .\n", "UndefinedVar:3"),
		R(S "COPY $TARGETARCH .\nARG TARGETARCH\nCOPY $TARGETARCH .\n", "UndefinedVar:2"),
		R(S "COPY '$foo' \\$foo .\nENV a=b c=$a\n", "UndefinedVar:3"),
		R(S "COPY <<E /a\n$foo\nE\nCOPY <<'E' /a\n$foo\nE\n", "UndefinedVar:2"),
		R(S "LABEL a=$x\nEXPOSE $y\nUSER $z\n", "UndefinedVar:2 UndefinedVar:3 UndefinedVar:4"),
		R(S "COPY $foo .\n", "UndefinedVar:2", .args = "foo=given but not declared"),
		/* secrets */
		R(S "ARG SECRET_PASSPHRASE\nENV SUPER_Secret=foo\nENV password=bar secret=baz\n"
		   "ARG super_duper_secret_token=foo auth=bar\nENV apikey=bar sunflower=foo\nENV git_key=\n",
		 "SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:3 SecretsUsedInArgOrEnv:4 SecretsUsedInArgOrEnv:4 "
		 "SecretsUsedInArgOrEnv:5 SecretsUsedInArgOrEnv:5 SecretsUsedInArgOrEnv:6 SecretsUsedInArgOrEnv:7"),
		R(S "ENV PUBLIC_KEY=\nARG public_token\nARG SECRET_PASSPHRASE_FILE\nENV password_file=bar secret_File=baz\n"
		   "ARG AUTH_MODULE_VERSION\nENV monkey=1 author=2 tokens=3\nLABEL secret=x\n",
		 ""),
	};
	/* clang-format on */

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_files)
{
	/* clang-format off */
	static const struct row rows[] = {
		R(S "WORKDIR app/\n", "WorkdirRelativePath:2"),
		R(S "WORKDIR app/\nWORKDIR b\n", "WorkdirRelativePath:2"),
		R(S "WORKDIR /app\nWORKDIR b\n", ""),
		R("FROM scratch AS a\nWORKDIR /app\nFROM a AS b\nWORKDIR sub\nFROM scratch\nWORKDIR c\n",
		 "WorkdirRelativePath:6"),
		R(S "ENV d=/x\nWORKDIR $d\n", ""),
		/* the ignore file */
		R(S "COPY Dockerfile .\nADD Dockerfile /w\n", "CopyIgnoredFile:2 CopyIgnoredFile:3",
		 .ignore = "\nDockerfile\n"),
		R("FROM scratch AS base\nCOPY a /foobar\nFROM base\nCOPY --from=base /foobar /a\n", "", .ignore = "foobar\n"),
		R(S "COPY ./Dockerfile .\n", "", .ignore = "**\n!Dockerfile\n"),
		R(S "COPY other .\n", "CopyIgnoredFile:2", .ignore = "**\n!Dockerfile\n"),
		R(S "COPY dir .\n", "", .ignore = "dir\n!dir/file\n"),
		R(S "COPY . .\n", "", .ignore = "**\n!Dockerfile\n"),
		R(S "COPY . .\n", "", .ignore = ".*\n"),
		R(S "COPY . .\n", "CopyIgnoredFile:2", .ignore = "*\n"),
		R(S "COPY / .\n", "CopyIgnoredFile:2", .ignore = "**\n"),
		R(S "COPY /sub/a b ./c/ /\n", "CopyIgnoredFile:2 CopyIgnoredFile:2", .ignore = "sub\nc\n"),
		R(S "ADD https://example.org/sub /\nADD git@example.org:sub /\nCOPY <<sub /\nsub\n", "",
		 .ignore = "**/*sub\n"),
		R(S "COPY Dockerfile .\n", ""),
		/* ports */
		R(S "EXPOSE 80/TcP 8080/TCP 8080/udp\n", "ExposeProtoCasing:2 ExposeProtoCasing:2"),
		R(S "EXPOSE 127.0.0.1:80:80 [::1]:8080:8080 5000:5000 8000 9-10/tcp\n",
		 "ExposeInvalidFormat:2 ExposeInvalidFormat:2 ExposeInvalidFormat:2"),
		R(S "ENV p=80/TCP\nEXPOSE $p\n", "ExposeProtoCasing:3"),
	};
	/* clang-format on */

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_skip)
{
	/* clang-format off */
	static const struct row rows[] = {
		R("#check=skip=all\nFROM scratch as base\ncopy a .\n", ""),
		R("#check=skip=all;error=true\nFROM scratch as base\ncopy a .\n", ""),
		R("#check=skip=ConsistentInstructionCasing, FromAsCasing\nFROM scratch as base\ncopy a .\n", ""),
		R("#check=skip=ConsistentInstructionCasing\nFROM scratch as base\ncopy a .\n", "FromAsCasing:2"),
		R("# syntax=docker/dockerfile:1\n# check = skip=FromAsCasing\nFROM scratch as base\n", ""),
		R("# escape=`\n\n# check=skip=FromAsCasing\nFROM scratch as b\nFROM scratch as c\n", "FromAsCasing:5"),
		/* for the one instruction that follows */
		R(S "# check=skip=JSONArgsRecommended\nCMD a\nENTRYPOINT a\n", "JSONArgsRecommended:4"),
		R(S "# check=skip=SecretsUsedInArgOrEnv // is none\nENV password=bar\n# check=skip=all // here\nARG password\n"
		   "ARG password\n",
		 "SecretsUsedInArgOrEnv:6"),
		R(S "# check=skip=LegacyKeyValueFormat\n# two lines\n\nENV k v\n# check=nonsense\nLABEL k v\n",
		 "LegacyKeyValueFormat:7"),
		R(S "RUN <<E\n# check=skip=all\nE\nENV k v\n", "LegacyKeyValueFormat:5"),
		/* an option in place of the file's */
		R("#check=skip=all\nFROM scratch as base\n", "FromAsCasing:2", .check = "skip=StageNameCasing"),
		R("#check=error=true\nFROM scratch as base\n", "", .check = "skip=all"),
	};
	/* clang-format on */

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(test_error)
{
	static const struct {
		struct row row;
		bool error;
	} rows[] = {
		{R("# check=error=true\nFROM scratch as a\n", "FromAsCasing:2"), true},
		{R("# check=skip=FromAsCasing;error=true\nFROM scratch as a\n", ""), false},
		{R("# check=error=false\nFROM scratch as a\n", "FromAsCasing:2"), false},
		/* what is not certain is no error */
		{R("# check=error=true\nFROM debian\nCOPY $x .\n", "UndefinedVar:3?"), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		struct err e = ERR_INIT;
		bool error;

		unit_ok(run(&rows[i].row, &out, &error, NULL, &e), e);
		ck_assert_str_eq(buf_str(&out), rows[i].row.want);
		ck_assert_int_eq(error, rows[i].error);
	}
}
END_TEST

START_TEST(test_bad)
{
	static const struct {
		const char *text, *want, *error;
		unsigned line;
	} rows[] = {
		{"# check=skip\nFROM scratch as a\n", "", "\"skip\" is no option", 1},
		{"# syntax=x\n# check=skip=all;nothing=1\nFROM scratch as a\n", "", "no option \"nothing\"", 2},
		{"# check=error=perhaps\nFROM scratch as a\n", "", "neither true nor false", 1},
		/* the rules that can be asked nonetheless are */
		{"FROM scratch as a\nCOPY ${x:?needed} .\nCMD a\n",
		 "FromAsCasing:1 UndefinedVar:2 JSONArgsRecommended:3", "needed", 2},
		{"FROM scratch${x?none} as a\n", "FromAsCasing:1 UndefinedArgInFrom:1", "none", 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
		struct row row = {.text = rows[i].text};
		struct err e = ERR_INIT;
		bool error;

		ck_assert_int_eq(run(&row, &out, &error, NULL, &e), -1);
		ck_assert_str_eq(buf_str(&out), rows[i].want);
		ck_assert_uint_eq(e.place.line, rows[i].line);
		unit_failed(e, ERR_INPUT, rows[i].error);
	}
}
END_TEST

START_TEST(test_wanted)
{
	static const bool wanted[] = {false, true};
	struct row row = {.text = "FROM scratch as a\nENV k v\nCOPY ${x?} $y .\nCMD a\nARG token\nFROM scratch AS b\n"
				  "LABEL k v\n"};
	AUTO_BUF struct buf out = BUF_INIT(BUF_TEXT_MAX);
	struct err e = ERR_INIT;
	bool error;

	unit_ok(run(&row, &out, &error, wanted, &e), e);
	ck_assert_str_eq(buf_str(&out), "FromAsCasing:1 LegacyKeyValueFormat:7");
}
END_TEST

START_TEST(test_table)
{
	const char *summary;
	bool experimental;
	size_t n = 0, marked = 0;

	for (const char *name; (name = dlint_rule_name(n, &summary, &experimental)); n++) {
		ck_assert(name[0] >= 'A' && name[0] <= 'Z' && summary[0]);
		marked += experimental;
	}
	ck_assert_uint_eq(n, 21);
	ck_assert_uint_eq(marked, 1);
}
END_TEST

UNIT_MAIN("dlint", test_style, test_description, test_from, test_commands, test_variables, test_files, test_skip,
	  test_error, test_bad, test_wanted, test_table)
