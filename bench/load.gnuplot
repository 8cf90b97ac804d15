# gnuplot -c load.gnuplot SAMPLES CHART TITLE: what bench/load measured, over time.
set terminal svg size 900,900 font "sans-serif,12" background "white"
set output ARG2
set datafile separator "\t"
set key outside right top
set grid
set multiplot layout 4,1 title "Load on one server, ".ARG3
set lmargin 10
set rmargin 26
set yrange [0:*]
set ylabel "calls a second"
last_t = 0; last_n = 0
rate(t, n) = (d = t - last_t, r = d > 0 ? (n - last_n) / d : NaN, last_t = t, last_n = n, r)
plot ARG1 skip 1 using ($1/60):(rate($1, $3)) with lines title "KVM calls"
set ylabel "MiB"
plot ARG1 skip 1 using ($1/60):($6/1024) with lines title "resident", "" skip 1 using ($1/60):($7/1024) with lines title "heap in use"
set ylabel "number"
plot ARG1 skip 1 using ($1/60):8 with lines title "server's threads", "" skip 1 using ($1/60):9 with lines title "server's descriptors"
set xlabel "minutes"
plot ARG1 skip 1 using ($1/60):10 with lines title "VMs and vCPUs open", "" skip 1 using ($1/60):11 with lines title "client processes"
