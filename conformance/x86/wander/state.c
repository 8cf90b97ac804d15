/* Registers, events, model-specific registers, CPUID. */
#include "wander.h"

static const struct { u32 from, to; } ranges[] = {
    {0, 0x200}, {0x200, 0x600}, {0x600, 0xa00}, {0xc80, 0xe00}, {0x1200, 0x1500}, {0x40000000, 0x40000130},
    {0x4b564d00, 0x4b564d10}, {0xc0000080, 0xc0000110}, {0xc0000300, 0xc0000310}, {0xc0010000, 0xc0010300}, {0xc0011000, 0xc0011040},
};
static int elapses(u32 m)
{
    return m == 0x10 || m == 0x40000010 || m == 0x40000020 || m == 0xe7 || m == 0xe8 || m == 0x6e0 || m == 0x40000021 || m == 0x40000022 || m == 0xc00000e7 || m == 0xc00000e8 || m == 0x34;
}
void msrs(void)
{
    int vm = vm_irqchip(), v = vcpu_new(vm, 0), bare = io(vm, KVM_CREATE_VCPU, 1);
    for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++)
        for (u32 m = ranges[r].from; m < ranges[r].to; m++) {
            u64 a = 0, b = 0;
            long ra = get_msr(v, m, &a), rb = get_msr(bare, m, &b);
            if (elapses(m)) a = b = 0;
            if (ra == 1 || rb == 1) line(ra, "msr %x get %llx without CPUID %ld %llx", m, (long long)a, rb, (long long)b);
            u64 values[6] = {0, 1, ~0ull, odd(), odd(), 0x1000};
            for (int i = 0; i < 6; i++) {
                long w = set_msr(v, m, values[i]), wb = set_msr(bare, m, values[i]);
                if (w != 1 && wb != 1) continue;
                u64 now = 0;
                get_msr(v, m, &now);
                if (elapses(m)) now = 0;
                line(w, "msr %x set %llx is %llx without CPUID %ld", m, (long long)values[i], (long long)now, wb);
            }
            if (ra == 1) set_msr(v, m, a);
        }
    close(bare), close(v), close(vm);
}
static void sregs_of(int v, struct kvm_sregs *s)
{
    memset(s, 0, sizeof *s);
    IO(v, KVM_GET_SREGS, s);
}
static void mutate(struct kvm_sregs *s, char *what)
{
    static const u64 cr0[] = {1, 2, 4, 8, 0x10, 0x20, 0x10000, 0x40000, 1u << 29, 1u << 30, 1u << 31, 1ull << 32, 0x40};
    struct kvm_segment *g = &s->cs + rnd() % 8;
    u64 bit;
    switch (rnd() % 9) {
    case 0: bit = cr0[rnd() % 13]; s->cr0 ^= bit; sprintf(what, "cr0^%llx", (long long)bit); break;
    case 1: bit = 1ull << rnd() % 26; s->cr4 ^= bit; sprintf(what, "cr4^%llx", (long long)bit); break;
    case 2: s->cr3 = odd(); sprintf(what, "cr3=%llx", (long long)s->cr3); break;
    case 3: bit = 1ull << rnd() % 20; s->efer ^= bit; sprintf(what, "efer^%llx", (long long)bit); break;
    case 4: s->apic_base = rnd() % 2 ? odd() : 0xfee00000 | (rnd() & 0xf00); sprintf(what, "apic_base=%llx", (long long)s->apic_base); break;
    case 5: s->cr8 = rnd() % 20; sprintf(what, "cr8=%llx", (long long)s->cr8); break;
    case 6:
        g->type = rnd() & 15, g->s = rnd() & 1, g->present = rnd() & 1, g->dpl = rnd() & 3, g->db = rnd() & 1, g->l = rnd() & 1;
        g->g = rnd() & 1, g->unusable = rnd() & 1, g->selector = rnd(), g->base = odd(), g->limit = odd();
        sprintf(what, "segment %d", (int)(g - &s->cs));
        break;
    case 7: s->interrupt_bitmap[rnd() & 3] = rnd() & 1 ? 1ull << (rnd() & 63) : 0; sprintf(what, "interrupt"); break;
    default: s->cr2 = odd(); s->gdt.base = odd(); s->gdt.limit = rnd(); s->idt.base = odd(); s->idt.limit = rnd(); sprintf(what, "cr2, tables"); break;
    }
}
static void sregs(int v, int n, const char *kind)
{
    struct kvm_sregs s, now;
    struct kvm_sregs2 s2;
    for (int i = 0; i < n; i++) {
        char what[2][80] = {"", ""};
        sregs_of(v, &s);
        if (i % 3 == 0) s.cr0 |= 0x80000001, s.cr4 |= 0x20, s.efer |= 0x500, s.cs.l = 1, s.cs.db = 0;
        mutate(&s, what[0]);
        if (i & 1) mutate(&s, what[1]);
        long r = IO(v, KVM_SET_SREGS, &s);
        sregs_of(v, &now);
        line(r, "sregs %s %d %s %s: cr0 %llx cr3 %llx cr4 %llx cr8 %llx efer %llx apic %llx segments %llx rest %llx", kind, i, what[0], what[1],
             (long long)now.cr0, (long long)now.cr3, (long long)now.cr4, (long long)now.cr8, (long long)now.efer, (long long)now.apic_base,
             (long long)hash(&now.cs, 8 * sizeof now.cs), (long long)hash(&now.gdt, 2 * sizeof now.gdt) ^ now.cr2 ^ hash(now.interrupt_bitmap, 32));
        memset(&s2, 0, sizeof s2);
        r = IO(v, KVM_GET_SREGS2, &s2);
        u64 flags = s2.flags;
        if (i % 5 == 0) s2.flags ^= rnd() & 3;
        if (i % 7 == 0) s2.pdptrs[rnd() & 3] = odd();
        line(IO(v, KVM_SET_SREGS2, &s2), "sregs2 %s %d get %ld flags %llx set %llx", kind, i, r, (long long)flags, (long long)s2.flags);
        if (i % 12 == 11) {
            sregs_of(v, &s);
            s.cr0 = 0x60000010, s.cr4 = 0, s.efer = 0, s.cs.l = 0, s.apic_base = 0xfee00900, s.cr3 = 0;
            line(IO(v, KVM_SET_SREGS, &s), "sregs %s %d back", kind, i);
        }
    }
}
void registers(void)
{
    int vm = vm_irqchip(), v = vcpu_new(vm, 0), plain = vm_new(), p = vcpu_new(plain, 0), bare = io(plain, KVM_CREATE_VCPU, 1);
    sregs(v, 150, "irqchip");
    sregs(p, 100, "plain");
    sregs(bare, 60, "without CPUID");
    for (int i = 0; i < 40; i++) {
        struct kvm_regs r = {.rax = odd(), .rsp = odd(), .rip = odd(), .rflags = odd()};
        long rc = IO(p, KVM_SET_REGS, &r);
        memset(&r, 0, sizeof r);
        IO(p, KVM_GET_REGS, &r);
        line(rc, "regs %d rax %llx rsp %llx rip %llx rflags %llx", i, r.rax, r.rsp, r.rip, r.rflags);
        struct kvm_debugregs d = {.db = {odd(), odd(), odd(), odd()}, .dr6 = odd(), .dr7 = odd(), .flags = i % 9 == 0};
        rc = IO(p, KVM_SET_DEBUGREGS, &d);
        memset(&d, 0, sizeof d);
        IO(p, KVM_GET_DEBUGREGS, &d);
        line(rc, "debugregs %d %llx %llx %llx", i, (long long)d.db[0], (long long)d.dr6, (long long)d.dr7);
        struct kvm_xcrs x = {.nr_xcrs = i % 8 == 7 ? rnd() % 20 : 1, .flags = i % 11 == 10, .xcrs = {{.xcr = i % 6 == 5, .value = i & 1 ? rnd() & 0x3ff : odd()}}};
        rc = IO(p, KVM_SET_XCRS, &x);
        memset(&x, 0, sizeof x);
        IO(p, KVM_GET_XCRS, &x);
        line(rc, "xcrs %d %u %llx", i, x.nr_xcrs, (long long)x.xcrs[0].value);
        struct kvm_fpu f = {.fcw = rnd(), .fsw = rnd(), .ftwx = rnd(), .mxcsr = odd()};
        rc = IO(p, KVM_SET_FPU, &f);
        memset(&f, 0, sizeof f);
        IO(p, KVM_GET_FPU, &f);
        line(rc, "fpu %d %x %x %x %x", i, f.fcw, f.fsw, f.ftwx, f.mxcsr);
        struct kvm_guest_debug g = {.control = i < 24 ? (u32)i : (u32)odd(), .arch.debugreg = {odd(), 0, 0, 0, 0, 0, odd(), odd()}};
        line(IO(p, KVM_SET_GUEST_DEBUG, &g), "guest_debug %d %x", i, g.control);
        struct kvm_translation t = {.linear_address = odd()};
        rc = IO(p, KVM_TRANSLATE, &t);
        line(rc, "translate %d %llx: %llx %d %d %d", i, (long long)t.linear_address, (long long)t.physical_address, t.valid, t.writeable, t.usermode);
    }
    for (u32 s = 0; s < 12; s++) {
        struct kvm_mp_state m = {s};
        long a = IO(v, KVM_SET_MP_STATE, &m), b = IO(p, KVM_SET_MP_STATE, &m);
        struct kvm_mp_state n = {99}, o = {99};
        IO(v, KVM_GET_MP_STATE, &n), IO(p, KVM_GET_MP_STATE, &o);
        line(a, "mp_state %u is %u; plain %ld is %u", s, n.mp_state, b, o.mp_state);
    }
    for (int i = 0; i < 12; i++) {
        u64 khz = i < 4 ? (u64[]){0, 1, 1000, 3000000}[i] : odd();
        long a = io(p, KVM_SET_TSC_KHZ, khz), b = io(plain, KVM_SET_TSC_KHZ, khz);
        line(a, "tsc_khz %llx: %ld%s", (long long)khz, b, a == 0 && khz && khz < 0x7fffffff && io(p, KVM_GET_TSC_KHZ, 0) == (long)(u32)khz ? " kept" : "");
    }
    close(bare), close(p), close(plain), close(v), close(vm);
}
void events(void)
{
    for (int chip = 0; chip < 2; chip++)
        for (int payload = 0; payload < 2; payload++) {
            int vm = chip ? vm_irqchip() : vm_new(), v = vcpu_new(vm, 0);
            struct kvm_enable_cap cap = {.cap = KVM_CAP_EXCEPTION_PAYLOAD, .args = {payload}};
            line(IO(vm, KVM_ENABLE_CAP, &cap), "events chip %d payload %d", chip, payload);
            for (int i = 0; i < 80; i++) {
                struct kvm_vcpu_events e;
                memset(&e, 0, sizeof e);
                if (rnd() & 1) e.exception.injected = rnd() & 1, e.exception.nr = rnd() % 40, e.exception.has_error_code = rnd() & 1, e.exception.error_code = rnd();
                e.exception.pending = rnd() % 4 == 0, e.exception_has_payload = rnd() % 4 == 0, e.exception_payload = odd();
                if (rnd() % 3 == 0) e.interrupt.injected = 1, e.interrupt.nr = rnd(), e.interrupt.soft = rnd() & 1;
                e.interrupt.shadow = rnd() & 3;
                e.nmi.injected = rnd() % 4 == 0, e.nmi.pending = rnd() % 4 == 0, e.nmi.masked = rnd() & 1;
                e.sipi_vector = rnd();
                e.smi.smm = rnd() % 5 == 0, e.smi.pending = rnd() % 5 == 0, e.smi.smm_inside_nmi = rnd() & 1, e.smi.latched_init = rnd() & 1;
                e.triple_fault.pending = rnd() % 6 == 0;
                e.flags = i % 10 == 9 ? (u32)odd() : rnd() & 0x1f;
                u32 flags = e.flags;
                long r = IO(v, KVM_SET_VCPU_EVENTS, &e);
                memset(&e, 0, sizeof e);
                IO(v, KVM_GET_VCPU_EVENTS, &e);
                line(r, "events %d%d %d flags %x: exception %d %d %d %d %x interrupt %d %d %d %d nmi %d %d %d sipi %x flags %x smi %d %d %d %d triple %d payload %d %llx", chip, payload, i, flags,
                     e.exception.injected, e.exception.nr, e.exception.has_error_code, e.exception.pending, e.exception.error_code, e.interrupt.injected, e.interrupt.nr,
                     e.interrupt.soft, e.interrupt.shadow, e.nmi.injected, e.nmi.pending, e.nmi.masked, e.sipi_vector, e.flags, e.smi.smm, e.smi.pending,
                     e.smi.smm_inside_nmi, e.smi.latched_init, e.triple_fault.pending, e.exception_has_payload, (long long)e.exception_payload);
            }
            for (int i = 0; i < 20; i++) {
                struct kvm_x86_mce m = {.status = odd(), .addr = odd(), .misc = odd(), .mcg_status = odd(), .bank = i < 12 ? (u64)i * 3 : rnd()};
                line(IO(v, KVM_X86_SET_MCE, &m), "mce %d bank %u status %llx", i, m.bank, (long long)m.status);
                u64 cap2 = i < 8 ? (u64)i * 5 | 1 << 8 : odd();
                line(IO(v, KVM_X86_SETUP_MCE, &cap2), "setup_mce %d %llx", i, (long long)cap2);
            }
            close(v), close(vm);
        }
}
void cpuid(void)
{
    static union { struct kvm_cpuid2 c; char room[sizeof(struct kvm_cpuid2) + 300 * sizeof(struct kvm_cpuid_entry2)]; } t;
    for (int i = 0; i < 120; i++) {
        int vm = vm_new(), v = vcpu_new(vm, 0);
        t.c.nent = 256;
        IO(sys, KVM_GET_SUPPORTED_CPUID, &t.c);
        char what[80] = "";
        struct kvm_cpuid_entry2 *e = &t.c.entries[rnd() % t.c.nent];
        switch (i % 8) {
        case 0: sprintf(what, "nent %u", t.c.nent = rnd() % 300); break;
        case 1: for (u32 k = 0; k < t.c.nent; k++) if (t.c.entries[k].function == 0x80000008) e = &t.c.entries[k]; e->eax = rnd() & 0xffff; sprintf(what, "80000008.eax=%x", e->eax); break;
        case 2: for (u32 k = 0; k < t.c.nent; k++) if (t.c.entries[k].function == 1) e = &t.c.entries[k]; e->ecx = rnd(), e->edx = rnd(); sprintf(what, "1.ecx=%x edx=%x", e->ecx, e->edx); break;
        case 3: for (u32 k = 0; k < t.c.nent; k++) if (t.c.entries[k].function == 13 && t.c.entries[k].index == (rnd() & 1)) e = &t.c.entries[k]; e->eax = rnd(); sprintf(what, "%x.%x.eax=%x", e->function, e->index, e->eax); break;
        case 4: for (u32 k = 0; k < t.c.nent; k++) if (t.c.entries[k].function == 7 && !t.c.entries[k].index) e = &t.c.entries[k]; e->ebx = rnd(), e->ecx = rnd(), e->edx = rnd(); sprintf(what, "7.ebx=%x ecx=%x edx=%x", e->ebx, e->ecx, e->edx); break;
        case 5: e->flags = rnd() & 7; e->index = rnd() & 3; sprintf(what, "%x.%x flags=%x", e->function, e->index, e->flags); break;
        case 6: *e = t.c.entries[rnd() % t.c.nent]; sprintf(what, "%x.%x twice", e->function, e->index); break;
        default: t.c.nent = rnd() % (t.c.nent + 1); sprintf(what, "first %u", t.c.nent); break;
        }
        long r = IO(v, KVM_SET_CPUID2, &t.c);
        u32 set = t.c.nent;
        t.c.nent = 300;
        long g = IO(v, KVM_GET_CPUID2, &t.c);
        u64 xcr0 = 0, efer = 0, xss = 0;
        struct kvm_xcrs x = {.nr_xcrs = 1, .xcrs = {{0, 0, 7}}};
        xcr0 = IO(v, KVM_SET_XCRS, &x);
        efer = set_msr(v, 0xc0000080, 0x901), xss = set_msr(v, 0xda0, 0);
        struct kvm_sregs s;
        sregs_of(v, &s);
        u64 taken = 0;
        for (int b = 0; b < 26; b++) {
            struct kvm_sregs one = s;
            one.cr4 |= 1u << b;
            if (IO(v, KVM_SET_SREGS, &one) == 0) taken |= 1u << b;
            IO(v, KVM_SET_SREGS, &s);
        }
        s.cr3 = 1ull << (rnd() % 64);
        long cr3 = IO(v, KVM_SET_SREGS, &s);
        line(r, "cpuid %d %s of %u: get %ld %u xcr0 %lld efer %lld xss %lld cr4 %llx cr3 %llx %ld", i, what, set, g, t.c.nent, (long long)xcr0,
             (long long)efer, (long long)xss, (long long)taken, (long long)s.cr3, cr3);
        close(v), close(vm);
    }
    for (int i = 0; i < 20; i++) {
        t.c.nent = i * 4;
        t.c.padding = 0;
        long r = IO(sys, i & 1 ? KVM_GET_EMULATED_CPUID : KVM_GET_SUPPORTED_CPUID, &t.c);
        line(r, "supported with room for %d: %u", i * 4, t.c.nent);
    }
}
