# The console of one machine to lines `CASE \t VERDICT`.
BEGIN { FS = " *[|] *"; OFS = "\t" }

/@@ kernel / { sub(/.*@@ kernel /, ""); print "kernel", $0 }
/^@@ begin / { split($0, word, " "); part = word[3]; begun[part] = 1 }
/^@@ end / {
    split($0, word, " ")
    if (part == "check") print "record check", word[4] == 0 ? "right" : "WRONG"
    # A part that fails without naming a case is a case itself.
    else if (word[4] != 0 && !wrong[part]) print part, "WRONG"
    ended[part] = 1
    part = ""
}

part == "check" && /^(limited|missing)/ { gsub(/  +/, " "); print "note", $0 }
part == "check" && /^ok +probe/ { sub(/.* in /, ""); print "attach", $0 }

part == "outcomes" && NF == 4 && $1 !~ /^---|(^|[.] )case$/ {
    # The second pass runs some cases again.
    name = ($1 in seen) ? "traced again: " $1 : $1
    seen[name] = 1
    sub(/ +$/, "", $4)
    if ($4 == "WRONG") wrong[part] = 1
    print name, $4
}

part ~ /^(live|places)$/ && /^test [a-z_:]+ \.\.\./ {
    name = $0
    sub(/^test /, "", name)
    sub(/ \.\.\..*/, "", name)
}
# "skipped: TEST: why"
part ~ /^(live|places)$/ && /skipped: / && name { skip = $0; sub(/.*skipped: [^ ]*: /, "", skip) }
part ~ /^(live|places)$/ && /(^|\.\.\. )(ok|FAILED)$/ && name {
    if (/FAILED$/) wrong[part] = 1
    print name, /FAILED$/ ? "WRONG" : skip ? skip : "right"
    name = skip = ""
}

/^@@ case / {
    sub(/^@@ case /, "")
    name = $0
    sub(/ .*/, "", name)
    sub(/^[^ ]* /, "")
    if (/^WRONG/) wrong[part] = 1
    print name, $0
    name = ""
}

END {
    if (!ended["check"]) print "record check", "WRONG: the kernel did not get there"
    for (begun_part in begun) if (!ended[begun_part]) print begun_part, "WRONG: did not finish"
    if (!ended["peer"]) print "the run", "WRONG: did not finish"
}
