/* For tests of seccomp programs: run one on a made-up call, without the kernel. Instructions that ours do not use fail.
 */
#ifndef SLCT_TEST_BPF_UTIL_H
#define SLCT_TEST_BPF_UTIL_H

#include <check.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

/* The action (SECCOMP_RET_*). */
static inline uint32_t bpf_run(const struct sock_filter *p, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *f = &p[i];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)d + f->k, sizeof a);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			i += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			i += a & f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			ck_abort_msg("instruction %zu: %#x", i, f->code);
		}
	}
	ck_abort_msg("ran past the end");
}

#endif
