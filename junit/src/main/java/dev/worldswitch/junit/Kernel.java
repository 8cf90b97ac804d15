package dev.worldswitch.junit;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The kernel of an {@link Explore}, where it is not the scenario's own; at a method, or at a class for all of its. */
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
public @interface Kernel {
    /** A release that {@code ws kernels} lists; empty for the scenario's. */
    String value() default "";

    /** Ids of patches ({@code ws patches}) that are left out. */
    String[] without() default {};

    /** Ids of patches that are added. */
    String[] with() default {};

    /** {@code full}, {@code voluntary} or {@code none}. */
    String preempt() default "full";
}
