/* Capabilities, devices, interrupts, chips, memory, filters, limits. */
#include "wander.h"

void capabilities(void)
{
    for (int c = 0; c < 250; c++) {
        int vm = vm_new(), v = vcpu_new(vm, 0);
        long s = io(sys, KVM_CHECK_EXTENSION, c), m = io(vm, KVM_CHECK_EXTENSION, c), n = io(v, KVM_CHECK_EXTENSION, c);
        if (c == 54 || c == 235) s = m = 0; /* what depends on the moment */
        line(s, "cap %d vm %ld vcpu %ld", c, m, n);
        static const u64 args[] = {0, 1, 2, 3, 4, 0xff, ~0ull};
        for (size_t a = 0; a < sizeof args / sizeof *args; a++) {
            struct kvm_enable_cap e = {.cap = c, .args = {args[a]}};
            long before = IO(vm, KVM_ENABLE_CAP, &e), of = IO(v, KVM_ENABLE_CAP, &e);
            int other = vm_new();
            e.flags = a & 1;
            long fresh = IO(other, KVM_ENABLE_CAP, &e);
            close(other);
            if (before != -EINVAL || of != -EINVAL || fresh != -EINVAL) line(before, "cap %d enable %llx vcpu %ld fresh, flags %d %ld", c, (long long)args[a], of, (int)(a & 1), fresh);
        }
        close(v), close(vm);
    }
}
void devices(void)
{
    int vm = vm_irqchip(), v = vcpu_new(vm, 0), plain = vm_new();
    for (u32 t = 0; t < 16; t++)
        for (u32 f = 0; f < 3; f++) {
            struct kvm_create_device d = {.type = t, .flags = f};
            long r = IO(vm, KVM_CREATE_DEVICE, &d), q = 0;
            if (r == 0 && !(f & 1)) {
                for (int n = 0; n < 24; n++) {
                    struct kvm_device_attr a = {.group = n / 8, .attr = n % 8, .addr = (uintptr_t)buf};
                    line(IO(d.fd, KVM_HAS_DEVICE_ATTR, &a), "device %u has %d/%d set %ld get %ld", t, n / 8, n % 8, IO(d.fd, KVM_SET_DEVICE_ATTR, &a), IO(d.fd, KVM_GET_DEVICE_ATTR, &a));
                }
                line(io(d.fd, KVM_RUN, 0), "device %u run %ld api %ld", t, io(d.fd, 0x1234, 0), io(d.fd, KVM_GET_API_VERSION, 0));
                close(d.fd);
            }
            struct kvm_create_device e = {.type = t, .flags = f};
            q = IO(plain, KVM_CREATE_DEVICE, &e);
            if (q == 0 && !(f & 1)) close(e.fd);
            line(r, "device %u flags %u plain %ld", t, f, q);
        }
    int files[3] = {sys, vm, v};
    for (int f = 0; f < 3; f++)
        for (int n = 0; n < 24; n++) {
            struct kvm_device_attr a = {.group = n / 8, .attr = n % 8, .addr = n % 5 ? (uintptr_t)buf : 0};
            memset(buf, 0, 64);
            long has = IO(files[f], KVM_HAS_DEVICE_ATTR, &a), get = IO(files[f], KVM_GET_DEVICE_ATTR, &a), set = n == 0 && f == 2 ? 0 : IO(files[f], KVM_SET_DEVICE_ATTR, &a);
            line(has, "attribute of %d: %d/%d get %ld set %ld", f, n / 8, n % 8, get, set);
        }
    close(plain), close(v), close(vm);
}
static long gsi(int vm, u32 irq, u32 level, int status)
{
    struct kvm_irq_level l = {.irq = irq, .level = level};
    long r = IO(vm, status ? KVM_IRQ_LINE_STATUS : KVM_IRQ_LINE, &l);
    return r < 0 ? r : status ? (int)l.status : 1000;
}
void interrupts(void)
{
    int vm = vm_irqchip(), v = vcpu_new(vm, 0), plain = vm_new(), p = vcpu_new(plain, 0), split = vm_new();
    struct kvm_enable_cap cap = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
    line(IO(split, KVM_ENABLE_CAP, &cap), "split");
    int w = vcpu_new(split, 0);
    for (u32 i = 0; i < 60; i++)
        line(gsi(vm, i < 30 ? i : (u32)odd(), i & 1, i % 3 != 0), "gsi %u plain %ld split %ld", i, gsi(plain, i, 1, i & 1), gsi(split, i, 1, 1));
    for (int i = 0; i < 60; i++) {
        struct kvm_msi m = {.address_lo = i % 4 ? 0xfee00000 | (u32)(rnd() & 0xff00c) : (u32)odd(), .address_hi = i % 5 ? 0 : (u32)odd(), .data = i % 6 ? rnd() & 0xc7ff : (u32)odd(), .flags = i % 15 == 14};
        line(IO(vm, KVM_SIGNAL_MSI, &m), "msi %d %x %x %x plain %ld split %ld", i, m.address_lo, m.address_hi, m.data, IO(plain, KVM_SIGNAL_MSI, &m), IO(split, KVM_SIGNAL_MSI, &m));
        struct kvm_interrupt n = {.irq = i < 20 ? (u32)i * 17 : (u32)odd()};
        line(IO(v, KVM_INTERRUPT, &n), "interrupt %x plain %ld split %ld", n.irq, IO(p, KVM_INTERRUPT, &n), IO(w, KVM_INTERRUPT, &n));
    }
    line(io(v, KVM_NMI, 0), "nmi plain %ld smi %ld plain %ld", io(p, KVM_NMI, 0), io(v, KVM_SMI, 0), io(p, KVM_SMI, 0));
    static union { struct kvm_irq_routing r; char room[sizeof(struct kvm_irq_routing) + 64 * sizeof(struct kvm_irq_routing_entry)]; } t;
    for (int i = 0; i < 150; i++) {
        memset(&t, 0, sizeof t);
        t.r.nr = rnd() % 4, t.r.flags = i % 20 == 19;
        char what[200] = "";
        for (u32 k = 0; k < t.r.nr; k++) {
            struct kvm_irq_routing_entry *e = &t.r.entries[k];
            e->gsi = rnd() % 3 ? rnd() % 30 : (u32)odd(), e->type = rnd() % 6, e->flags = rnd() % 6 ? 0 : rnd() & 3;
            if (e->type == KVM_IRQ_ROUTING_IRQCHIP) e->u.irqchip.irqchip = rnd() % 5, e->u.irqchip.pin = rnd() % 30;
            else if (e->type == KVM_IRQ_ROUTING_MSI) e->u.msi.address_lo = 0xfee00000 | (u32)(rnd() & 0xff00c), e->u.msi.address_hi = rnd() % 4 ? 0 : (u32)odd(), e->u.msi.data = rnd() & 0xc7ff;
            else e->u.adapter.ind_addr = rnd() & 0xff;
            sprintf(what + strlen(what), " %x/%d/%d", e->gsi, e->type, e->flags);
        }
        long a = IO(vm, KVM_SET_GSI_ROUTING, &t.r), b = IO(plain, KVM_SET_GSI_ROUTING, &t.r), c = IO(split, KVM_SET_GSI_ROUTING, &t.r);
        u32 g = t.r.nr ? t.r.entries[0].gsi : 1;
        line(a, "routing %d flags %d%s plain %ld split %ld then line %ld %ld", i, t.r.flags, what, b, c, gsi(vm, g, 1, 1), gsi(split, g, 1, 1));
    }
    for (int i = 0; i < 60; i++) {
        int e = eventfd(0, i % 7 == 6 ? EFD_SEMAPHORE : 0), s = eventfd(0, 0);
        struct kvm_irqfd q = {.fd = i % 11 == 10 ? (u32)sys : (u32)e, .gsi = i < 30 ? (u32)i : (u32)odd(), .flags = i % 3 ? 0 : rnd() & 7, .resamplefd = i % 2 ? (u32)s : (u32)-1};
        long a = IO(vm, KVM_IRQFD, &q), again = IO(vm, KVM_IRQFD, &q), b = IO(plain, KVM_IRQFD, &q), c = IO(split, KVM_IRQFD, &q);
        struct kvm_irqfd off = q;
        off.flags = KVM_IRQFD_FLAG_DEASSIGN;
        line(a, "irqfd %d gsi %x flags %x again %ld plain %ld split %ld off %ld off %ld", i, q.gsi, q.flags, again, b, c, IO(vm, KVM_IRQFD, &off), IO(vm, KVM_IRQFD, &off));
        close(e), close(s);
    }
    close(w), close(split), close(p), close(plain), close(v), close(vm);
}
static void chip(int vm, u32 id, const char *when)
{
    struct kvm_irqchip c;
    memset(&c, 0, sizeof c);
    c.chip_id = id;
    long r = IO(vm, KVM_GET_IRQCHIP, &c);
    line(r, "chip %u %s %llx", id, when, (long long)(r < 0 ? 0 : hash(&c.chip, sizeof c.chip)));
}
void chips(void)
{
    int vm = vm_irqchip(), v = vcpu_new(vm, 0), plain = vm_new(), p = vcpu_new(plain, 0);
    for (u32 id = 0; id < 5; id++) chip(vm, id, "fresh"), chip(plain, id, "plain");
    for (int i = 0; i < 60; i++) {
        struct kvm_irqchip c;
        memset(&c, 0, sizeof c);
        c.chip_id = rnd() % 3;
        IO(vm, KVM_GET_IRQCHIP, &c);
        if (c.chip_id == 2) {
            int pin = rnd() % 24;
            c.chip.ioapic.redirtbl[pin].bits = odd() & ~(1ull << 14);
            if (i % 4 == 0) c.chip.ioapic.id = rnd(), c.chip.ioapic.ioregsel = rnd();
            if (i % 5 == 0) c.chip.ioapic.irr = rnd() & 0xffffff;
        } else {
            uint8_t *b = (uint8_t *)&c.chip.pic;
            b[rnd() % sizeof c.chip.pic] = rnd();
        }
        line(IO(vm, KVM_SET_IRQCHIP, &c), "set chip %u", c.chip_id);
        chip(vm, c.chip_id, "after");
        u32 g = rnd() % 24;
        line(gsi(vm, g, rnd() & 1, 1), "gsi %u", g);
        chip(vm, 0, "then"), chip(vm, 1, "then"), chip(vm, 2, "then");
    }
    struct kvm_pit_config pc = {.flags = 0};
    line(IO(plain, KVM_CREATE_PIT2, &pc), "pit plain");
    pc.flags = 2;
    line(IO(vm, KVM_CREATE_PIT2, &pc), "pit flags 2");
    pc.flags = 1;
    line(IO(vm, KVM_CREATE_PIT2, &pc), "pit, again %ld old %ld", IO(vm, KVM_CREATE_PIT2, &pc), io(vm, KVM_CREATE_PIT, 0));
    for (int i = 0; i < 30; i++) {
        struct kvm_pit_state2 s;
        memset(&s, 0, sizeof s);
        IO(vm, KVM_GET_PIT2, &s);
        struct kvm_pit_channel_state *c = &s.channels[rnd() % 3];
        c->count = i % 4 ? rnd() & 0x1ffff : (u32)odd(), c->mode = rnd() % 8, c->bcd = rnd() & 1, c->gate = rnd() & 1, c->rw_mode = rnd() % 5;
        if (i % 6 == 5) s.flags = rnd() & 3;
        long r = IO(vm, KVM_SET_PIT2, &s);
        memset(&s, 0, sizeof s);
        IO(vm, KVM_GET_PIT2, &s);
        line(r, "pit %d: %x %d %d %d, %x %d, %x %d flags %x", i, s.channels[0].count, s.channels[0].mode, s.channels[0].bcd, s.channels[0].gate, s.channels[1].count,
             s.channels[1].mode, s.channels[2].count, s.channels[2].mode, s.flags);
        struct kvm_reinject_control rc = {.pit_reinject = rnd() & 3};
        line(IO(vm, KVM_REINJECT_CONTROL, &rc), "reinject %d plain %ld", rc.pit_reinject, IO(plain, KVM_REINJECT_CONTROL, &rc));
    }
    for (int i = 0; i < 120; i++) {
        struct kvm_lapic_state l;
        memset(&l, 0, sizeof l);
        long g = IO(v, KVM_GET_LAPIC, &l);
        memset(l.regs + 0x390, 0, 4); /* the timer's current count elapses */
        int reg = i < 64 ? i * 16 : (int)(rnd() % 64) * 16;
        u32 value = odd();
        if (reg == 0x380 || reg == 0x320 || reg == 0x3e0) value &= 0x1ffff;
        memcpy(l.regs + reg, &value, 4);
        long r = IO(v, KVM_SET_LAPIC, &l);
        memset(&l, 0, sizeof l);
        IO(v, KVM_GET_LAPIC, &l);
        memset(l.regs + 0x390, 0, 4);
        u32 now;
        memcpy(&now, l.regs + reg, 4);
        line(r, "lapic %d %x=%x is %x, all %llx, plain %ld", (int)g, reg, value, now, (long long)hash(l.regs, sizeof l.regs), IO(p, KVM_SET_LAPIC, &l));
    }
    close(p), close(plain), close(v), close(vm);
}
void memory(void)
{
    int vm = vm_irqchip();
    uint8_t *room = mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 250; i++) {
        struct kvm_userspace_memory_region r = {.slot = rnd() % 4 | (i % 17 == 16 ? 1u << 16 : 0), .flags = i % 4 ? rnd() & 1 : (u32)odd() & 7};
        r.guest_phys_addr = rnd() % 8 ? (rnd() & 0xff) << 12 : odd();
        r.memory_size = rnd() % 10 ? (rnd() & 0x1f) << 12 : odd();
        u64 offset = rnd() % 12 ? (rnd() & 0xff) << 12 : rnd() & 0xfffff;
        r.userspace_addr = (uintptr_t)room + offset;
        long s = IO(vm, KVM_SET_USER_MEMORY_REGION, &r);
        line(s, "slot %x flags %x at %llx size %llx from %llx", r.slot, r.flags, (long long)r.guest_phys_addr, (long long)r.memory_size, (long long)offset);
        struct kvm_dirty_log d = {.slot = rnd() % 5, .dirty_bitmap = buf};
        memset(buf, 0xa5, 64);
        long g = IO(vm, KVM_GET_DIRTY_LOG, &d);
        struct kvm_clear_dirty_log c = {.slot = d.slot, .num_pages = rnd() % 3 ? 64 : (u32)odd(), .first_page = rnd() % 3 ? 0 : odd(), .dirty_bitmap = buf};
        line(g, "dirty log of %u: %llx, clear %x from %llx %ld", d.slot, (long long)hash(buf, 16), c.num_pages, (long long)c.first_page, IO(vm, KVM_CLEAR_DIRTY_LOG, &c));
    }
    for (int i = 0; i < 60; i++) {
        struct kvm_coalesced_mmio_zone z = {.addr = odd(), .size = (u32)odd(), .pio = i % 5 == 4 ? (u32)odd() : rnd() & 1};
        line(IO(vm, KVM_REGISTER_COALESCED_MMIO, &z), "zone %llx %x %x off %ld", (long long)z.addr, z.size, z.pio, IO(vm, KVM_UNREGISTER_COALESCED_MMIO, &z));
        struct kvm_ioeventfd e = {.datamatch = odd(), .addr = i % 3 ? odd() : 0x1000, .len = i % 4 ? 1u << rnd() % 4 : rnd() % 10, .fd = i % 9 == 8 ? sys : eventfd(0, 0), .flags = i % 5 ? rnd() & 7 & ~4u : (u32)odd()};
        long r = IO(vm, KVM_IOEVENTFD, &e), again = IO(vm, KVM_IOEVENTFD, &e);
        struct kvm_ioeventfd off = e;
        off.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
        line(r, "ioeventfd %llx len %u flags %x again %ld off %ld", (long long)e.addr, e.len, e.flags, again, IO(vm, KVM_IOEVENTFD, &off));
        if (e.fd != sys) close(e.fd);
        u64 tss = odd(), map = i % 3 ? odd() & ~0xfffull : odd();
        line(io(vm, KVM_SET_TSS_ADDR, tss), "tss %llx identity %llx %ld", (long long)tss, (long long)map, IO(vm, KVM_SET_IDENTITY_MAP_ADDR, &map));
        line(io(vm, KVM_SET_NR_MMU_PAGES, odd()), "mmu pages");
    }
    int v = vcpu_new(vm, 0);
    u64 map = 0;
    line(IO(vm, KVM_SET_IDENTITY_MAP_ADDR, &map), "identity after a vCPU, tss %ld boot %ld", io(vm, KVM_SET_TSS_ADDR, 0xfffbd000), io(vm, KVM_SET_BOOT_CPU_ID, 1));
    munmap(room, 1 << 22);
    close(v), close(vm);
}
void filters(void)
{
    int vm = vm_new(), v = vcpu_new(vm, 0);
    for (int i = 0; i < 80; i++) {
        struct kvm_msr_filter f;
        memset(&f, 0, sizeof f);
        memset(buf, i & 1 ? 0xff : 0, 0x1000);
        f.flags = i % 6 ? rnd() & 1 : (u32)odd();
        int n = rnd() % 4;
        for (int k = 0; k < n; k++) {
            struct kvm_msr_filter_range *r = &f.ranges[i % 8 == 7 ? k * 5 : k];
            r->flags = rnd() % 8 ? rnd() & 3 : rnd(), r->base = rnd() & 1 ? 0xc0000080 : (u32)odd(), r->nmsrs = rnd() % 6 ? rnd() % 0x100 : (u32)odd(), r->bitmap = rnd() % 10 ? buf : NULL;
        }
        line(IO(vm, KVM_X86_SET_MSR_FILTER, &f), "msr filter %d flags %x ranges %d", i, f.flags, n);
        struct { struct kvm_pmu_event_filter f; u64 e[8]; } p;
        memset(&p, 0, sizeof p);
        p.f.action = rnd() % 3, p.f.nevents = rnd() % 12 ? rnd() % 8 : (u32)odd(), p.f.fixed_counter_bitmap = rnd(), p.f.flags = rnd() % 3;
        for (int k = 0; k < 8; k++) p.e[k] = rnd() % 3 ? rnd() & 0xffff : odd();
        line(IO(vm, KVM_SET_PMU_EVENT_FILTER, &p), "pmu filter %d action %u nevents %u flags %u", i, p.f.action, p.f.nevents, p.f.flags);
        struct kvm_clock_data c;
        memset(&c, 0, sizeof c);
        c.clock = i % 4 ? rnd() & 0xffffffffff : odd(), c.flags = i % 5 ? 0 : (u32)odd(), c.realtime = 0;
        line(IO(vm, KVM_SET_CLOCK, &c), "clock flags %x", c.flags);
        struct { struct kvm_nested_state s; uint8_t data[8192]; } *nested = (void *)buf;
        memset(buf, 0, sizeof *nested);
        nested->s.flags = i % 3 ? rnd() & 7 : rnd(), nested->s.format = rnd() % 3, nested->s.size = i % 4 ? 128 + (rnd() & 3) * 4096 : (u32)odd();
        if (i & 1) *(u64 *)nested->s.hdr.pad = odd();
        line(IO(v, KVM_SET_NESTED_STATE, &nested->s), "nested %d flags %x format %u size %x", i, nested->s.flags, nested->s.format, nested->s.size);
        memset(buf, 0, sizeof *nested);
        nested->s.size = i % 2 ? 8192 : rnd() % 300;
        long r = IO(v, KVM_GET_NESTED_STATE, &nested->s);
        line(r, "nested %d get flags %x format %u size %x", i, nested->s.flags, nested->s.format, nested->s.size);
    }
    close(v), close(vm);
}
void limits(void)
{
    for (int i = 0; i < 60; i++) {
        u64 type = i < 12 ? (u64)i : odd();
        int vm = io(sys, KVM_CREATE_VM, type);
        line(vm < 0 ? vm : 0, "vm of type %llx", (long long)type);
        if (vm < 0) continue;
        struct kvm_enable_cap cap = {.cap = KVM_CAP_MAX_VCPU_ID, .args = {rnd() % 3 ? rnd() % 8 : odd()}};
        long max = IO(vm, KVM_ENABLE_CAP, &cap);
        u64 id = rnd() % 2 ? rnd() % 10 : odd(), boot = rnd() % 8;
        long b = io(vm, KVM_SET_BOOT_CPU_ID, boot), c = io(vm, KVM_CREATE_VCPU, id), twice = io(vm, KVM_CREATE_VCPU, id);
        u64 base = 0;
        if (c >= 0) get_msr(c, 0x1b, &base);
        line(c < 0 ? c : 0, "max id %llx %ld boot %llx %ld vcpu %llx twice %ld apic base %llx, chip after %ld", (long long)cap.args[0], max, (long long)boot, b, (long long)id, twice < 0 ? twice : 0, (long long)base,
             io(vm, KVM_CREATE_IRQCHIP, 0));
        if (c >= 0) close(c);
        if (twice >= 0) close(twice);
        close(vm);
    }
}
