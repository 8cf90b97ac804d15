package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.kvm.Caller;
import dev.worldswitch.kvm.Client;
import dev.worldswitch.kvm.Errno;
import dev.worldswitch.kvm.GuestMemory;
import dev.worldswitch.kvm.KvmFile;
import dev.worldswitch.kvm.SharedPages;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A virtual machine. */
public final class Vm implements KvmFile {
    private final Kvm kvm;
    private final Client client;
    private final Region region;
    private final Mutex lock;
    private final GuestMemory memory;
    private final Ref<VcpuList> vcpus;
    private final Word users;
    private final Word maxVcpuId;

    Vm(Kvm kvm, Client client) {
        this.kvm = kvm;
        this.client = client;
        long number;
        do number = kvm.vmNumber().get();
        while (!kvm.vmNumber().cas(number, number + 1));
        this.region = kvm.region().child("vm" + number);
        this.lock = new Mutex(region, "lock");
        this.memory = new GuestMemory(region.child("memory"), client);
        this.vcpus = region.ref("vcpus", new VcpuList(List.of()));
        this.users = region.word("users");
        this.maxVcpuId = region.word("maxVcpuId");
        users.set(1);
    }

    public Kvm kvm() {
        return kvm;
    }

    public Client client() {
        return client;
    }

    public Region region() {
        return region;
    }

    public Mutex lock() {
        return lock;
    }

    /** Guest-physical memory: the slots. */
    public GuestMemory memory() {
        return memory;
    }

    public Ref<VcpuList> vcpus() {
        return vcpus;
    }

    /** KVM_CAP_MAX_VCPU_ID as enabled, or the limit of the kernel. */
    long maxVcpuId() {
        long v = maxVcpuId.get();
        return v == 0 ? 4096 : v;
    }

    /** kvm_get_kvm. */
    void hold() {
        long n;
        do n = users.get();
        while (!users.cas(n, n + 1));
    }

    /** kvm_put_kvm. */
    void put() {
        long n;
        do n = users.get();
        while (!users.cas(n, n - 1));
        if (n == 1) region.drop();
    }

    @Override
    public Kind kind() {
        return Kind.VM;
    }

    @Override
    public String fileName() {
        return "kvm-vm";
    }

    @Override
    public long ioctl(Caller caller, int command, long argument, Made made) {
        if (caller.client().mm() != client.mm()) return Errno.EIO;
        lock.lock();
        try {
            return kvm.dispatch(this, caller, command, argument, made, Errno.ENOTTY);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public @Nullable SharedPages pages() {
        return null;
    }

    @Override
    public long read(byte[] into, long offset) {
        return Errno.EINVAL;
    }

    @Override
    public void release() {
        put();
    }
}
