// Package secret keeps key material and passwords in a small arena of memory
// that is locked against swapping, left out of core dumps and absent from
// forked children, and gives it a type that can't be printed or marshalled by
// accident.
//
// On Linux the arena is memfd_secret(2) where the kernel offers it: such pages
// leave the kernel's own direct map, so that neither ptrace, /proc/pid/mem nor
// process_vm_readv(2) can read them, for any user. Otherwise it is anonymous
// memory with mlock(2), MADV_DONTDUMP and MADV_WIPEONFORK; on other Unix
// systems, mlock alone. Where locking is refused (RLIMIT_MEMLOCK) or does not
// exist, plain memory is used and [Locked] says so: a daemon that can't lock a
// page still serves, and its status shows it.
//
// What the arena can't do: the Go heap keeps what others copied there, such as
// the expanded key schedule of a cipher or the message that brought a password.
//
// Plain read(2) and write(2) into or out of a secret work; calls that pin pages
// (O_DIRECT, vmsplice, io_uring with fixed buffers) answer EFAULT when the
// arena is memfd_secret. While such a mapping exists, Linux refuses to
// hibernate, which would write the secrets to disk.
package secret
