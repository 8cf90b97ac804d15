package dev.worldswitch.kvm.arm64;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.arm64.ItsTables.Event;
import org.junit.jupiter.api.Test;

/** What an interrupt translation service keeps. */
class ItsTest {
    private static final ItsTables TABLES = ItsTables.EMPTY
            .collection(3, 7)
            .device(5, ItsTables.device(0x1000, 4))
            .event(5, 2, new Event(8200, 3));

    @Test
    void anEventOfACollectionThatWentGoesNowhere() {
        Event e = new Event(8200, 3);
        assertThat(TABLES.event(5, 2)).isEqualTo(e);
        assertThat(TABLES.target(e)).isEqualTo(7);
        ItsTables without = TABLES.withoutCollection(3);
        assertThat(without.event(5, 2)).isEqualTo(new Event(8200, ItsTables.NONE));
        assertThat(without.target(new Event(8200, ItsTables.NONE))).isEqualTo(ItsTables.NONE);
        assertThat(without.maps(8200)).isTrue();
        assertThat(without.device(5, null).maps(8200)).isFalse();
        assertThat(TABLES.event(6, 0, e)).as("no such device").isEqualTo(TABLES);
    }

    @Test
    void registersExistAndAlignAsTheDocumentationSays() {
        assertThat(Its.has(0)).isZero();
        assertThat(Its.has(8)).isZero();
        assertThat(Its.has(12)).isEqualTo(dev.worldswitch.kvm.Errno.EINVAL);
        assertThat(Its.has(0x100)).isZero();
        assertThat(Its.has(0x10)).isEqualTo(dev.worldswitch.kvm.Errno.ENXIO);
        assertThat(Its.has(0xffe8)).isZero();
    }

    @Test
    void cacheabilitiesThatKvmLacksAreReplaced() {
        assertThat(Its.sanitised(2L << 10)).isEqualTo(1L << 10 | 3L << 59);
        assertThat(Its.sanitised(7L << 59 | 5L << 53 | 1L << 10)).isEqualTo(7L << 59 | 1L << 10);
    }
}
