#!/busybox sh
# The guest's first process: mounts what the tests need, runs them, says how they ended, switches off.
export PATH=/
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t bpf bpf /sys/fs/bpf
busybox ip link set lo up
echo "vm: this is Linux $(busybox uname -r)"

# As few as still hold the tests to all kinds of verdicts, and have the largest rule sets among them.
export HINGE_PACKETS=100000 HINGE_PAIRS=160000 LD_LIBRARY_PATH=/lib
/tests --test-threads=1 --nocapture 2>&1
echo "vm: the tests ended with status $?"

# A warning or an oops leaves its mark there.
tainted=$(busybox cat /proc/sys/kernel/tainted)
[ "$tainted" = 0 ] || busybox dmesg | busybox grep -v 'audit:' | busybox tail -60
echo "vm: the kernel is tainted by $tainted"
busybox poweroff -f
