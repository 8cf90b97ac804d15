package dev.worldswitch.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.kvm.PrivateRanges.Range;
import org.junit.jupiter.api.Test;

class PrivateRangesTest {
    private final PrivateRanges two =
            PrivateRanges.NONE.with(0x1000, 0x3000, true).with(0x5000, 0x6000, true);

    @Test
    void rangesThatTouchBecomeOne() {
        assertThat(two.ranges()).containsExactly(new Range(0x1000, 0x3000), new Range(0x5000, 0x6000));
        assertThat(two.with(0x3000, 0x5000, true).ranges()).containsExactly(new Range(0x1000, 0x6000));
    }

    @Test
    void sharedMemoryCutsARange() {
        assertThat(two.with(0x2000, 0x5000, false).ranges())
                .containsExactly(new Range(0x1000, 0x2000), new Range(0x5000, 0x6000));
        assertThat(two.with(0, 0x10000, false)).isEqualTo(PrivateRanges.NONE);
    }

    @Test
    void onlyWhatIsInsideIsPrivate() {
        assertThat(two.has(0xfff)).isFalse();
        assertThat(two.has(0x1000)).isTrue();
        assertThat(two.has(0x2fff)).isTrue();
        assertThat(two.has(0x3000)).isFalse();
        assertThat(two.has(0x5800)).isTrue();
    }
}
