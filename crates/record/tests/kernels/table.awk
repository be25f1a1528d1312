# Verdicts of all machines, `RELEASE \t CASE \t VERDICT`, as a table.
#   -v style=text      every case
#   -v style=markdown  a line for each kernel, and the cases not right everywhere
BEGIN { FS = "\t" }

!($1 in known) { known[$1] = ++kernels; release[kernels] = $1 }
$2 == "kernel" { next }
$2 == "note" { notes[$1] = notes[$1] (notes[$1] ? "; " : "") $3; next }
$2 == "attach" { next }
{
    if (!($2 in position)) { position[$2] = ++cases; name[cases] = $2 }
    short = $3
    if ($3 ~ /^not on this kernel/) { short = "not there"; why[$2 "\t" $1] = $3; count[$1, "not"]++ }
    else if ($3 ~ /^right/) { short = "right"; count[$1, "right"]++ }
    else { short = "WRONG"; why[$2 "\t" $1] = $3; count[$1, "wrong"]++; bad = 1 }
    verdict[$2, $1] = short
    if (short != "right") differs[$2] = 1
}

function cell(which, at) { return ((which, at) in verdict) ? verdict[which, at] : "not run" }

END {
    if (style == "markdown") {
        print "| kernel | cases right | wrong | not on this kernel | `record check` |"
        print "|---|---|---|---|---|"
        for (k = 1; k <= kernels; k++) {
            r = release[k]
            printf "| %s | %d | %d | %d | %s |\n", r, count[r, "right"], count[r, "wrong"], count[r, "not"], notes[r] ? notes[r] : "everything"
        }
        print ""
        for (c = 1; c <= cases; c++) if (name[c] in differs)
            for (k = 1; k <= kernels; k++) if (why[name[c] "\t" release[k]])
                printf "* %s, `%s`: %s\n", release[k], name[c], why[name[c] "\t" release[k]]
    } else {
        width = 4
        for (c = 1; c <= cases; c++) if (length(name[c]) > width) width = length(name[c])
        printf "%-" width "s", "case"
        for (k = 1; k <= kernels; k++) printf " | %-" (length(release[k]) > 9 ? length(release[k]) : 9) "s", release[k]
        print ""
        for (c = 1; c <= cases; c++) {
            printf "%-" width "s", name[c]
            for (k = 1; k <= kernels; k++) printf " | %-" (length(release[k]) > 9 ? length(release[k]) : 9) "s", cell(name[c], release[k])
            print ""
        }
        for (c = 1; c <= cases; c++) for (k = 1; k <= kernels; k++)
            if (why[name[c] "\t" release[k]]) printf "%s, %s: %s\n", release[k], name[c], why[name[c] "\t" release[k]]
        for (k = 1; k <= kernels; k++) if (notes[release[k]]) printf "%s, record check: %s\n", release[k], notes[release[k]]
    }
    exit bad
}
