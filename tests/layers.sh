#!/bin/bash
# Holds the tree to its layers (ARCHITECTURE.md): includes run one way, are
# written from the root, and name files that exist; a foreign library's
# headers are seen by one source file, its owner.
set -uo pipefail
cd "${srcdir:-$(dirname "$0")/..}" || exit 99
failures=0

fail() {
	echo "layers: $*"
	failures=$((failures + 1))
}

# The height of a folder; an include may go down or stay in its folder.
level() {
	case $1 in
	common/base) echo 0 ;;
	common/mail | common/conf) echo 1 ;;
	common/verdict) echo 2 ;;
	milter/net) echo 3 ;;
	milter/scan) echo 4 ;;
	milter/store) echo 4 ;;
	milter/engine) echo 5 ;;
	milter/checks) echo 6 ;;
	milter/daemon) echo 7 ;;
	milter/cli) echo 8 ;;
	# Sees common/ and is seen by nobody.
	dovecot-plugin) echo 3 ;;
	*) echo none ;;
	esac
}

# Headers of the C library and the kernel; all others are foreign.
is_libc() {
	case $1 in
	sys/* | netinet/* | arpa/* | net/* | linux/*) true ;;
	assert.h | ctype.h | dirent.h | errno.h | fcntl.h | float.h | \
	getopt.h | glob.h | grp.h | inttypes.h | limits.h | locale.h | \
	malloc.h | math.h | netdb.h | poll.h | pthread.h | pwd.h | sched.h | \
	semaphore.h | signal.h | spawn.h | stdalign.h | stdarg.h | \
	stdatomic.h | stdbool.h | stddef.h | stdint.h | stdio.h | stdlib.h | \
	stdnoreturn.h | string.h | strings.h | syslog.h | termios.h | \
	threads.h | time.h | unistd.h | resolv.h | wchar.h) true ;;
	*) false ;;
	esac
}

# A library whose headers more than one file may see, with the reason.
may_share() {
	case "$1 $2" in
	# Edits and replies are libmilter calls of their own file.
	"libmilter milter/daemon/milter.c") true ;;
	"libmilter milter/daemon/apply.c") true ;;
	# Hashes and keys of signatures have nothing in common with seals.
	"openssl milter/checks/dkim_crypto.c") true ;;
	# The seal's MAC needs a key and a context of its own; a digest neither.
	"openssl common/verdict/fingerprint.c") true ;;
	# A call's MAC has a key of its own, of any length.
	"openssl common/verdict/hmac.c") true ;;
	# TLS has nothing in common with either.
	"openssl milter/store/redis_tls.c") true ;;
	# Its options are a file of their own.
	"unbound milter/net/dns_unbound.c") true ;;
	"unbound milter/net/dns_options.c") true ;;
	*) false ;;
	esac
}

declare -A owner
while IFS=: read -r file include; do
	case $include in
	\"*)
		target=${include//\"/}
		[ "$target" = config.h ] && continue
		if [ ! -e "$target" ]; then
			fail "$file: no file $target (write includes from the root)"
			continue
		fi
		from=$(dirname "$file") to=$(dirname "$target")
		[ "$from" = "$to" ] && continue
		above=$(level "$from") below=$(level "$to")
		if [ "$above" = none ] || [ "$below" = none ]; then
			fail "$file: $target: a folder that no layer names"
		elif [ "$below" -ge "$above" ] || [ "$to" = dovecot-plugin ]; then
			fail "$file: $from must not see $to ($target)"
		fi
		;;
	\<*)
		target=${include//[<>]/}
		is_libc "$target" && continue
		# compat.h is the plugin's one way to Dovecot; no other part has any.
		if [ "$file" = dovecot-plugin/compat.h ]; then
			owner[dovecot]=$file
			continue
		fi
		library=${target%%/*} library=${library%.h}
		may_share "$library" "$file" && continue
		if [ -n "${owner[$library]:-}" ] &&
			[ "${owner[$library]}" != "$file" ]; then
			fail "$file: <$target> is owned by ${owner[$library]}"
		fi
		case $file in
		dovecot-plugin/*) fail "$file: <$target> is for compat.h" ;;
		*.h) fail "$file: <$target> in a header shows it to others" ;;
		esac
		owner[$library]=$file
		;;
	esac
done < <(find common milter dovecot-plugin -name '*.[ch]' | LC_ALL=C sort |
	xargs grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*(<[^>]*>|"[^"]*")' |
	sed -E 's/:[[:space:]]*#[[:space:]]*include[[:space:]]*/:/')

[ ${#owner[@]} -gt 0 ] || fail "found no include of any library: wrong folder?"
[ "$failures" -eq 0 ] || exit 1
for library in $(printf '%s\n' "${!owner[@]}" | sort); do
	echo "layers: <$library> is seen by ${owner[$library]}"
done
