module heraldlb.io/lab/web

go 1.26.0
